/**
 * How the words before a record's data are coded. Two codings are in circulation; they can be told apart by the magic,
 * and one file never mixes them.
 */
export interface RecordDialect {
  readonly magic: number;
  /** The part's kind is `lrec >>> flagShift`, its length the bits below. */
  readonly flagShift: number;
}

/** Kinds of parts: a payload is split wherever the magic stands in it at a multiple of four. */
export const PART = { whole: 0, first: 1, middle: 2, last: 3 } as const;

export const RECORD_DIALECTS = {
  /** What dmlc-core and so MXNet and insightface write: `kMagic`, 3 bits of kind, 29 bits of length. */
  dmlc: { magic: 0xced7230a, flagShift: 29 },
  /** The same words with another magic, 2 bits of kind and 30 bits of length. */
  plain: { magic: 0x3ed7230a, flagShift: 30 },
} as const satisfies Record<string, RecordDialect>;

export type RecordDialectName = keyof typeof RECORD_DIALECTS;

/** The coding that begins with this word, or undefined. */
export function dialectOfMagic(magic: number): RecordDialect | undefined {
  return Object.values(RECORD_DIALECTS).find((dialect) => dialect.magic === magic);
}

export function partFlag(lrec: number, dialect: RecordDialect): number {
  return lrec >>> dialect.flagShift;
}

/** Length of a part's data in bytes, without padding. */
export function partLength(lrec: number, dialect: RecordDialect): number {
  return lrec & (2 ** dialect.flagShift - 1);
}

/** Largest length a part may have. */
export function maxPartLength(dialect: RecordDialect): number {
  return 2 ** dialect.flagShift - 1;
}

export function encodePart(flag: number, length: number, dialect: RecordDialect): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(dialect.magic, 0);
  head.writeUInt32LE(flag * 2 ** dialect.flagShift + length, 4);
  return head;
}
