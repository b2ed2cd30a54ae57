import { KappaError, argumentError } from '../../errors';

/** Bytes of the fixed part of a record's header: flag u32, label f32, id u64, id2 u64, little-endian. */
export const RECORD_HEADER_BYTES = 24;

/** What a record's payload says. */
export interface ImageRecord {
  /** Number of labels that follow the fixed header; 0 when the only label stands in the header itself. */
  flag: number;
  /** The labels: one from the header, or `flag` that follow it. */
  labels: number[];
  id: bigint;
  id2: bigint;
  /** The encoded image (JPEG or PNG), empty in header and identity records. A view of the payload, not a copy. */
  image: Buffer;
}

/** What {@link packRecord} is given. */
export interface PackOptions {
  /** One number is written into the header (flag 0); an array follows the header (flag = its length, 1 to 65535). */
  label: number | readonly number[];
  /** @default 0 */
  id?: number | bigint;
  image: Buffer;
}

/** Builds a record's payload as MXNet's `recordio.pack` does. */
export function packRecord({ label, id = 0, image }: PackOptions): Buffer {
  const labels = typeof label === 'number' ? [] : label;
  if (typeof label !== 'number' && (label.length === 0 || label.length > 0xffff))
    throw argumentError('label', 'a number or an array of 1 to 65535 numbers', label);
  const payload = Buffer.alloc(RECORD_HEADER_BYTES + 4 * labels.length + image.length);
  payload.writeUInt32LE(labels.length, 0);
  payload.writeFloatLE(typeof label === 'number' ? label : 0, 4);
  payload.writeBigUInt64LE(BigInt(id), 8);
  labels.forEach((value, i) => payload.writeFloatLE(value, RECORD_HEADER_BYTES + 4 * i));
  image.copy(payload, RECORD_HEADER_BYTES + 4 * labels.length);
  return payload;
}

/**
 * Takes a record's payload apart.
 * @param where names the record in errors, for instance `record at byte 40 of train.rec`; called when there is one.
 * @throws KappaError ERR_DATA_CORRUPT when the payload is shorter than its header says.
 */
export function unpackRecord(payload: Buffer, where: string | (() => string) = 'record'): ImageRecord {
  const labelsEnd = endOfLabels(payload, where);
  const flag = payload.readUInt32LE(0);
  const labels: number[] = [];
  if (flag === 0) labels.push(payload.readFloatLE(4));
  for (let at = RECORD_HEADER_BYTES; at < labelsEnd; at += 4) labels.push(payload.readFloatLE(at));
  return {
    flag,
    labels,
    id: payload.readBigUInt64LE(8),
    id2: payload.readBigUInt64LE(16),
    image: payload.subarray(labelsEnd),
  };
}

/** The first label and the image of a record's payload, as {@link unpackRecord}, and nothing else: for each image. */
export function unpackImage(
  payload: Buffer,
  where: () => string,
): Pick<ImageRecord, 'image'> & { label: number } {
  const labelsEnd = endOfLabels(payload, where);
  const label = payload.readFloatLE(labelsEnd === RECORD_HEADER_BYTES ? 4 : RECORD_HEADER_BYTES);
  return { label, image: payload.subarray(labelsEnd) };
}

/** Where the image begins. */
function endOfLabels(payload: Buffer, where: string | (() => string)): number {
  const name = () => (typeof where === 'string' ? where : where());
  if (payload.length < RECORD_HEADER_BYTES)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${name()}: the payload has ${payload.length} bytes, its header alone needs ${RECORD_HEADER_BYTES}. The file is damaged or is not an image record file.`,
    );
  const flag = payload.readUInt32LE(0);
  const labelsEnd = RECORD_HEADER_BYTES + 4 * flag;
  if (labelsEnd > payload.length)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${name()}: the header announces ${flag} labels (${4 * flag} bytes), but only ${payload.length - RECORD_HEADER_BYTES} bytes follow. The file is damaged or is not an image record file.`,
    );
  return labelsEnd;
}
