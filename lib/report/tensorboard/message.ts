const enum Wire {
  Varint = 0,
  Fixed64 = 1,
  Bytes = 2,
  Fixed32 = 5,
}

/** A message of Protocol Buffers, written field by field. */
export class Message {
  readonly #parts: Buffer[] = [];

  /** A whole number from 0 on: int64, enum. */
  varint(field: number, value: number): this {
    return this.#tag(field, Wire.Varint).#push(varint(value));
  }

  double(field: number, value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    return this.#tag(field, Wire.Fixed64).#push(bytes);
  }

  float(field: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return this.#tag(field, Wire.Fixed32).#push(bytes);
  }

  string(field: number, text: string): this {
    return this.#bytes(field, Buffer.from(text));
  }

  /** Repeated doubles, packed. */
  doubles(field: number, values: readonly number[]): this {
    const bytes = Buffer.alloc(8 * values.length);
    values.forEach((value, i) => bytes.writeDoubleLE(value, 8 * i));
    return this.#bytes(field, bytes);
  }

  /** A message within this one. */
  message(field: number, inner: Message): this {
    return this.#bytes(field, inner.encode());
  }

  encode(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #bytes(field: number, bytes: Buffer): this {
    return this.#tag(field, Wire.Bytes).#push(varint(bytes.length)).#push(bytes);
  }

  #tag(field: number, wire: Wire): this {
    return this.#push(varint(field * 8 + wire));
  }

  #push(bytes: Buffer): this {
    this.#parts.push(bytes);
    return this;
  }
}

/** Seven bits a byte, the lowest first; the top bit says that more follow. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}
