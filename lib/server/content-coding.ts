import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { preferences } from './accept';

/** Our order where a client has none: gzip is what Prometheus asks for. */
const CODINGS = ['gzip', 'zstd', 'br'] as const;
export type Coding = (typeof CODINGS)[number];

/** Size of the parts that a compressor gives out. */
const PART_BYTES = 65_536;

/** Not in Node 20. */
const zstd = (zlib as { createZstdCompress?: (options: object) => Transform }).createZstdCompress;
/** `ZSTD_c_compressionLevel` of zstd's own interface. */
const ZSTD_LEVEL = 100;

/** Level 1 of each: a scrape is text that repeats itself, of which higher levels save little and cost a multiple. */
const COMPRESSORS: Readonly<Record<Coding, () => Transform>> = {
  gzip: () => zlib.createGzip({ level: 1, chunkSize: PART_BYTES }),
  zstd: () => zstd!({ chunkSize: PART_BYTES, params: { [ZSTD_LEVEL]: 1 } }),
  br: () => zlib.createBrotliCompress({ chunkSize: PART_BYTES, params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } }),
};

/**
 * What to answer to an `Accept-Encoding` header: the coding that is wanted most, `identity` where none is wanted, undefined where
 * neither a coding that we have nor `identity` is allowed. brotli and zstd have to be named; `*` stands for gzip and `identity`.
 */
export function chooseCoding(acceptEncoding: string | undefined): Coding | 'identity' | undefined {
  const wanted = preferences(acceptEncoding);
  const weight = (name: string) => wanted.find(({ value }) => value === name)?.weight;
  const others = weight('*');
  const [best] = CODINGS.filter((coding) => coding !== 'zstd' || zstd)
    .map((coding) => ({ coding, weight: weight(coding) ?? (coding === 'gzip' ? others : undefined) ?? 0 }))
    .sort((a, b) => b.weight - a.weight);
  const identity = weight('identity');
  if (best && best.weight > 0 && best.weight >= (identity ?? 0)) return best.coding;
  return (identity ?? others) === 0 ? undefined : 'identity';
}

/** The chunks compressed, on threads other than this one. The chunks may not change until it settles. */
export async function compress(chunks: readonly Buffer[], coding: Coding): Promise<Buffer[]> {
  const parts: Buffer[] = [];
  await pipeline(Readable.from(chunks), COMPRESSORS[coding](), async (compressed: AsyncIterable<Buffer>) => {
    for await (const part of compressed) parts.push(part);
  });
  return parts;
}
