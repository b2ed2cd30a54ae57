const APPEND_BATCH = 1000;

/** Gathers the bytes of a pickle of protocol 2, which Python 2 and 3 both read. */
export class PickleWriter {
  readonly #chunks: Buffer[] = [Buffer.from([0x80, 2])];
  #memoised = 0;
  #encode: number | undefined;
  #latin1: number | undefined;

  /** The finished pickle. */
  finish(): Buffer {
    this.#raw('.');
    return Buffer.concat(this.#chunks);
  }

  /** Writes a list; `item` writes one element. */
  list<T>(values: readonly T[], item: (value: T) => void): void {
    this.#raw(']');
    for (let from = 0; from < values.length; from += APPEND_BATCH) {
      this.#raw('(');
      for (const value of values.slice(from, from + APPEND_BATCH)) item(value);
      this.#raw('e');
    }
  }

  /** Makes a tuple of the two objects written last. */
  tuple2(): void {
    this.#raw('\x86');
  }

  bool(value: boolean): void {
    this.#raw(value ? '\x88' : '\x89');
  }

  /** Python's `bytes`: protocol 2 has no opcode for them and codes them as latin-1 text, as Python 3 itself does. */
  bytes(value: Buffer): void {
    if (this.#encode === undefined) {
      this.#raw('c_codecs\nencode\n');
      this.#encode = this.#remember();
    } else this.#get(this.#encode);
    this.#text(value.toString('latin1'));
    if (this.#latin1 === undefined) {
      this.#text('latin1');
      this.#latin1 = this.#remember();
    } else this.#get(this.#latin1);
    this.#raw('\x86R');
  }

  #text(text: string): void {
    const utf8 = Buffer.from(text, 'utf8');
    const head = Buffer.from('X\0\0\0\0', 'latin1');
    head.writeUInt32LE(utf8.length, 1);
    this.#chunks.push(head, utf8);
  }

  #remember(): number {
    this.#raw(`q${String.fromCharCode(this.#memoised)}`);
    return this.#memoised++;
  }

  #get(key: number): void {
    this.#raw(`h${String.fromCharCode(key)}`);
  }

  #raw(text: string): void {
    this.#chunks.push(Buffer.from(text, 'latin1'));
  }
}
