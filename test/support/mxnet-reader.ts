/**
 * MXNet's reading rules by themselves, to check files with that lib/data wrote: dmlc-core's recordio.h (kMagic, three
 * bits of kind above 29 bits of length, parts joined with the magic between them) and MXNet's recordio.unpack.
 */
export function readAsMxnet(file: Buffer, offset: number): Buffer {
  const magic = Buffer.from('0a23d7ce', 'hex');
  const parts: Buffer[] = [];
  for (let at = offset; ;) {
    if (!file.subarray(at, at + 4).equals(magic)) throw new Error(`no magic at ${at}`);
    const word = file.readUInt32LE(at + 4);
    const [kind, length] = [Math.floor(word / 2 ** 29), word % 2 ** 29];
    const expected = parts.length === 0 ? [0, 1] : [2, 3];
    if (!expected.includes(kind)) throw new Error(`part of kind ${kind} at ${at}`);
    parts.push(file.subarray(at + 8, at + 8 + length));
    if (kind === 0 || kind === 3) break;
    at += 8 + length + ((4 - (length % 4)) % 4);
  }
  return Buffer.concat(parts.flatMap((part, i) => (i === 0 ? [part] : [magic, part])));
}

/** The labels and the image of a record, as mx.recordio.unpack gives them. */
export function unpackAsMxnet(payload: Buffer): { labels: number[]; id: number; image: Buffer } {
  const flag = payload.readUInt32LE(0);
  const labels = flag === 0 ? [payload.readFloatLE(4)] : [];
  for (let i = 0; i < flag; i++) labels.push(payload.readFloatLE(24 + 4 * i));
  return { labels, id: Number(payload.readBigUInt64LE(8)), image: payload.subarray(24 + 4 * flag) };
}
