// Reads TensorBoard's event files by the rules of TFRecord and Protocol Buffers, with nothing of lib/: an independent check.
import assert from 'node:assert/strict';

export interface ReadHistogram {
  min: number;
  max: number;
  num: number;
  sum: number;
  limits: number[];
  counts: number[];
}

export interface ReadEvent {
  wallTime: number;
  step: number;
  fileVersion?: string;
  isRestart: boolean;
  scalars: Record<string, number>;
  histograms: Record<string, ReadHistogram>;
}

/** CRC-32C bit by bit, without a table. */
export function slowCrc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes)
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = ((crc ^ (byte >> bit)) & 1) === 1;
      crc = (crc >>> 1) ^ (isOdd ? 0x82f63b78 : 0);
    }
  return ~crc >>> 0;
}

function masked(bytes: Uint8Array): number {
  const crc = BigInt(slowCrc32c(bytes));
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

/** The events of a file; every length and checksum is checked. */
export function readEvents(bytes: Buffer): ReadEvent[] {
  const events: ReadEvent[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = Number(bytes.readBigUInt64LE(at));
    assert.equal(bytes.readUInt32LE(at + 8), masked(bytes.subarray(at, at + 8)), 'checksum of a length');
    const data = bytes.subarray(at + 12, at + 12 + length);
    assert.equal(data.length, length);
    assert.equal(bytes.readUInt32LE(at + 12 + length), masked(data), 'checksum of an event');
    events.push(eventOf(data));
    at += 16 + length;
  }
  return events;
}

type Field = { field: number; value: number | Buffer };

function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, wire] = [tag >> 3, tag & 7];
    if (wire === 0) fields.push({ field, value: varint() });
    else if (wire === 1) fields.push({ field, value: bytes.readDoubleLE((at += 8) - 8) });
    else if (wire === 5) fields.push({ field, value: bytes.readFloatLE((at += 4) - 4) });
    else {
      assert.equal(wire, 2);
      const length = varint();
      fields.push({ field, value: bytes.subarray(at, (at += length)) });
    }
  }
  assert.equal(at, bytes.length);
  return fields;
}

function eventOf(bytes: Buffer): ReadEvent {
  const event: ReadEvent = { wallTime: 0, step: 0, isRestart: false, scalars: {}, histograms: {} };
  for (const { field, value } of fieldsOf(bytes)) {
    if (field === 1) event.wallTime = value as number;
    else if (field === 2) event.step = value as number;
    else if (field === 3) event.fileVersion = (value as Buffer).toString();
    else if (field === 7)
      event.isRestart = fieldsOf(value as Buffer).some((inner) => inner.field === 1 && inner.value === 1);
    else if (field === 5) for (const entry of fieldsOf(value as Buffer)) readValue(event, entry);
  }
  return event;
}

function readValue(event: ReadEvent, { field, value }: Field): void {
  assert.equal(field, 1);
  let tag = '';
  for (const inner of fieldsOf(value as Buffer)) {
    if (inner.field === 1) tag = (inner.value as Buffer).toString();
    else if (inner.field === 2) event.scalars[tag] = inner.value as number;
    else if (inner.field === 5) {
      const all = new Map(fieldsOf(inner.value as Buffer).map((part) => [part.field, part.value]));
      const doubles = (number: number): number[] => {
        const packed = all.get(number) as Buffer;
        return Array.from({ length: packed.length / 8 }, (_, i) => packed.readDoubleLE(8 * i));
      };
      event.histograms[tag] = {
        min: all.get(1) as number,
        max: all.get(2) as number,
        num: all.get(3) as number,
        sum: all.get(4) as number,
        limits: doubles(6),
        counts: doubles(7),
      };
    }
  }
}
