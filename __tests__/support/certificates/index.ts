import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The path of a certificate or key of the tests. */
export const pathOf = (name: string) => join(__dirname, `${name}.pem`);

const textOf = (name: string) => readFileSync(pathOf(name), 'utf8');

/** What clients know and show. */
export const CLIENTS = {
  /** Knows the CA and shows nothing. */
  anyone: { ca: textOf('ca') },
  /** Shows a certificate of the CA. */
  known: { ca: textOf('ca'), cert: textOf('client'), key: textOf('client-key') },
  /** Shows a certificate that the CA has not signed. */
  stranger: { ca: textOf('ca'), cert: textOf('stranger'), key: textOf('stranger-key') },
};

/** What `server-key-encrypted` opens with. */
export const PASSPHRASE = 'open sesame';
