/** The few kinds of objects a restricted pickle may hold, besides null, booleans, numbers, `bytes` (Buffer) and lists. */
export type PickleValue =
  | null
  | boolean
  | number
  | Buffer
  | PickleText
  | PickleTuple
  | PickleValue[]
  | PickleGlobal
  | NumpyDtype
  | NumpyArray;

/** Python text. Decoded only when asked, and once: images travel as latin-1 text in protocol 2. */
export class PickleText {
  readonly #raw: Buffer;
  readonly #escaped: boolean;
  #latin1: Buffer | null | undefined;

  /** @param escaped true for protocol 0's raw-unicode-escape, false for UTF-8. */
  constructor(raw: Buffer, escaped: boolean) {
    this.#raw = raw;
    this.#escaped = escaped;
  }

  /** The text as bytes, one per character, or null where a character does not fit or the coding is broken. */
  get latin1(): Buffer | null {
    this.#latin1 ??= this.#escaped ? unescapeLatin1(this.#raw) : utf8ToLatin1(this.#raw);
    return this.#latin1;
  }

  /** The text, if it is short and fits latin-1. */
  get short(): string | null {
    return this.#raw.length <= 64 ? (this.latin1?.toString('latin1') ?? null) : null;
  }
}

export class PickleTuple {
  constructor(readonly items: PickleValue[]) {}
}

/** A name of a module, such as `numpy.dtype`; only names of the short list ever exist. */
export class PickleGlobal {
  constructor(readonly name: AllowedGlobal) {}
}

export type AllowedGlobal = 'encode' | 'reconstruct' | 'frombuffer' | 'scalar' | 'ndarray' | 'dtype';

/** The element types that images (uint8) and answers (any number, or objects) may have. */
export class NumpyDtype {
  /** Bytes are in the order of the network; the state of the type tells. */
  isBigEndian = false;

  /** @param size bytes of an element; 0 for objects */
  constructor(
    readonly kind: 'bool' | 'uint' | 'int' | 'float' | 'object',
    readonly size: number,
  ) {}

  get isBytes(): boolean {
    return this.kind === 'uint' && this.size === 1;
  }

  /** The number at a byte of an array's data; booleans count as their byte. */
  numberAt(data: Buffer, at: number): number {
    if (this.kind === 'float') {
      if (this.size === 4) return this.isBigEndian ? data.readFloatBE(at) : data.readFloatLE(at);
      return this.isBigEndian ? data.readDoubleBE(at) : data.readDoubleLE(at);
    }
    if (this.size === 8) {
      const [low, high] = this.isBigEndian ? [at + 4, at] : [at, at + 4];
      const upper = this.kind === 'int' ? 'readInt32' : 'readUInt32';
      const [l, h] = this.isBigEndian
        ? [data.readUInt32BE(low), data[`${upper}BE`](high)]
        : [data.readUInt32LE(low), data[`${upper}LE`](high)];
      return h * 2 ** 32 + l;
    }
    const read = this.kind === 'int' ? 'readInt' : 'readUInt';
    return this.isBigEndian ? data[`${read}BE`](at, this.size) : data[`${read}LE`](at, this.size);
  }
}

/** A numpy array; its bytes are a view of the file. Empty until its state is set. */
export class NumpyArray {
  dtype: NumpyDtype | undefined;
  /** Number of elements; all lie along one dimension. */
  length = 0;
  data: Buffer = Buffer.alloc(0);
  /** The elements, where they are objects. */
  items: readonly PickleValue[] = [];

  /** An element: a number (that of a boolean is its byte), or an object. */
  at(i: number): PickleValue {
    if (this.dtype?.kind === 'object') return this.items[i]!;
    return this.dtype!.numberAt(this.data, i * this.dtype!.size);
  }
}

// Modules and names by what they mean here. numpy 1 says numpy.core, numpy 2 numpy._core.
const GLOBALS: ReadonlyMap<string, AllowedGlobal> = new Map<string, AllowedGlobal>([
  ['_codecs encode', 'encode'],
  ['numpy ndarray', 'ndarray'],
  ['numpy dtype', 'dtype'],
  ...['numpy.core', 'numpy._core'].flatMap((core): [string, AllowedGlobal][] => [
    [`${core}.multiarray _reconstruct`, 'reconstruct'],
    [`${core}.multiarray scalar`, 'scalar'],
    [`${core}.numeric _frombuffer`, 'frombuffer'],
  ]),
]);

/** What a module's name stands for, or undefined when it is not on the short list. */
export function allowedGlobal(module: string, name: string): AllowedGlobal | undefined {
  return GLOBALS.get(`${module} ${name}`);
}

function utf8ToLatin1(raw: Buffer): Buffer | null {
  const out = Buffer.allocUnsafe(raw.length);
  let length = 0;
  for (let i = 0; i < raw.length; i++) {
    const byte = raw[i]!;
    if (byte < 0x80) out[length++] = byte;
    else {
      // Only U+0080 to U+00FF fit: a lead byte C2 or C3 and one continuation byte.
      const next = raw[++i];
      if ((byte !== 0xc2 && byte !== 0xc3) || next === undefined || (next & 0xc0) !== 0x80) return null;
      out[length++] = ((byte & 0x03) << 6) | (next & 0x3f);
    }
  }
  return out.subarray(0, length);
}

function unescapeLatin1(raw: Buffer): Buffer | null {
  const out = Buffer.allocUnsafe(raw.length);
  let length = 0;
  for (let i = 0; i < raw.length; i++) {
    const digits = raw[i] !== 0x5c ? 0 : raw[i + 1] === 0x75 ? 4 : raw[i + 1] === 0x55 ? 8 : 0;
    if (digits === 0) {
      out[length++] = raw[i]!;
      continue;
    }
    const text = raw.toString('latin1', i + 2, i + 2 + digits);
    const code = /^[0-9a-fA-F]+$/.test(text) && text.length === digits ? parseInt(text, 16) : Infinity;
    if (code > 0xff) return null;
    out[length++] = code;
    i += 1 + digits;
  }
  return out.subarray(0, length);
}
