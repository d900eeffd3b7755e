#!/bin/sh
# Makes the certificates beside it, for tests alone: a CA, a server and a client of it, and a stranger that it never signed.
# They are good from 2020 to 2120, so that a machine's clock does not matter. Run it, then commit what it wrote.
set -eu
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
echo 01 >"$scratch/serial"

# certificate NAME EXTENSIONS SIGNER, where the signer may be itself
certificate() {
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1-key.pem"
  openssl req -new -key "$1-key.pem" -subj "/CN=Profiled test $1" -out "$scratch/request"
  : >"$scratch/index"
  cat >"$scratch/config" <<END
[ca]
default_ca = test
[test]
database = $scratch/index
serial = $scratch/serial
new_certs_dir = $scratch
default_md = sha256
policy = any
x509_extensions = extensions
[any]
commonName = supplied
[extensions]
$2
END
  signer="-cert $3.pem"
  if [ "$1" = "$3" ]; then signer=-selfsign; fi
  # shellcheck disable=SC2086 -- two words
  openssl ca -batch -notext -config "$scratch/config" -keyfile "$3-key.pem" $signer \
    -startdate 20200101000000Z -enddate 21200101000000Z -in "$scratch/request" -out "$1.pem" 2>/dev/null
}

certificate ca 'basicConstraints = critical, CA:TRUE' ca
certificate server 'subjectAltName = DNS:localhost, IP:127.0.0.1' ca
certificate client 'extendedKeyUsage = clientAuth' ca
certificate stranger 'basicConstraints = critical, CA:TRUE' stranger
openssl pkcs8 -topk8 -in server-key.pem -passout 'pass:open sesame' -out server-key-encrypted.pem
rm ca-key.pem
