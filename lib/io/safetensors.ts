import { open, type FileHandle } from 'node:fs/promises';

import { KappaError, ioError } from '../errors';
import { HEAD_BYTES, stranger } from '../files/strangers';
import type { DType } from '../native/contract';
import { submit } from '../native/submit';
import { bytesOfDtype } from '../tensor/host';
import { Tensor } from '../tensor/tensor';

/** Element types by their names in safetensors files. */
const nameOfDtype: Record<DType, string> = {
  float32: 'F32',
  float64: 'F64',
  bfloat16: 'BF16',
  float16: 'F16',
  int64: 'I64',
  int32: 'I32',
  uint8: 'U8',
  bool: 'BOOL',
};
const dtypeOfName = new Map(Object.entries(nameOfDtype).map(([dtype, name]) => [name, dtype as DType]));

const PREFIX_BYTES = 8;
const ALIGNMENT = 8;
const LARGEST_HEADER = 100_000_000; // as in the reference implementation
const LARGEST_RANK = 64; // as LibTorch's own iterators

interface Entry {
  dtype: DType;
  shape: number[];
  /** Bytes from the end of the header. */
  begin: number;
  end: number;
}

/** Where a tensor lies in a file. */
export interface TensorPlace {
  dtype: DType;
  shape: number[];
  /** Bytes from the start of the file. */
  offset: number;
  bytes: number;
}

/** Some rows of a tensor, one behind the other: where they begin in a file, and how many they are. */
export interface RowsPlace {
  path: string;
  offset: number;
  rows: number;
}

/**
 * Writes tensors to a safetensors file and waits until the disk has it. A file that could not be finished is removed.
 *
 * @throws KappaError `ERR_IO`
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const head = headOf(tensors, metadata);
  const handles = [...tensors.values()].map((tensor) => tensor.handle);
  await submit((addon) => addon.writeTensorFile(path, head, handles));
}

/**
 * As {@link writeSafetensors}, beside whatever is computed meanwhile.
 *
 * @param tensors as {@link snapshotTensors} gives them; they must stay as they are until it has ended
 * @throws KappaError `ERR_IO`, `ERR_ARGUMENT` for tensors that are not contiguous or not in the memory of the CPU
 */
export async function writeSafetensorsAside(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
): Promise<void> {
  const head = headOf(tensors, {});
  const handles = [...tensors.values()].map((tensor) => tensor.handle);
  await submit((addon) => addon.writeTensorFileAside(path, head, handles));
}

/** Copies of tensors as they are at this call, contiguous and in the memory of the CPU. The caller disposes them. */
export async function snapshotTensors(tensors: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>> {
  const wrap = Tensor.wrapper();
  const names = [...tensors.keys()];
  const handles = await submit((addon) =>
    addon.snapshotTensors([...tensors.values()].map((tensor) => tensor.handle)),
  );
  return new Map(handles.map((handle, i) => [names[i] as string, wrap(handle).keep()]));
}

/** Bytes of the elements of all tensors. */
export function bytesOf(tensors: ReadonlyMap<string, Tensor>): number {
  let bytes = 0;
  for (const tensor of tensors.values()) bytes += tensor.size * bytesOfDtype[tensor.dtype];
  return bytes;
}

function headOf(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, tensor] of tensors) {
    const bytes = tensor.size * bytesOfDtype[tensor.dtype];
    header[name] = {
      dtype: nameOfDtype[tensor.dtype],
      shape: tensor.shape,
      data_offsets: [offset, offset + bytes],
    };
    offset += bytes;
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Math.ceil(text.length / ALIGNMENT) * ALIGNMENT;
  const head = Buffer.alloc(PREFIX_BYTES + padded, ' ');
  head.writeBigUInt64LE(BigInt(padded), 0);
  text.copy(head, PREFIX_BYTES);
  return head;
}

/**
 * Reads every tensor of a safetensors file.
 *
 * @throws KappaError `ERR_IO`, `ERR_CHECKPOINT` for a file that is truncated or not in the format
 */
export async function readSafetensors(path: string): Promise<Map<string, Tensor>> {
  const wrap = Tensor.wrapper();
  const { entries, dataStart } = await readHeader(path);
  const names = [...entries.keys()];
  const spans = [...entries.values()].map(({ begin, dtype, shape }) => ({
    offset: dataStart + begin,
    dtype,
    shape,
  }));
  const handles = await submit((addon) => addon.readTensorFile(path, spans));
  return new Map(handles.map((handle, i) => [names[i] as string, wrap(handle)]));
}

/**
 * Looks where the tensors of a safetensors file lie, without reading them.
 *
 * @throws KappaError `ERR_IO`, `ERR_CHECKPOINT`
 */
export async function tensorPlaces(path: string): Promise<Map<string, TensorPlace>> {
  const { entries, dataStart } = await readHeader(path);
  const places = [...entries].map(
    ([name, { dtype, shape, begin, end }]) =>
      [name, { dtype, shape, offset: dataStart + begin, bytes: end - begin }] as const,
  );
  return new Map(places);
}

/**
 * Reads one tensor whose rows lie in several files, each straight to its place.
 *
 * @param shape of the whole; the rows of the pieces make up its first dimension
 * @throws KappaError `ERR_IO`, `ERR_CHECKPOINT` for a file that does not have them
 */
export async function readTensorRows(
  dtype: DType,
  shape: readonly number[],
  pieces: readonly RowsPlace[],
): Promise<Tensor> {
  const wrap = Tensor.wrapper();
  return wrap(await submit((addon) => addon.readTensorRows(dtype, [...shape], [...pieces])));
}

async function readHeader(path: string): Promise<{ entries: Map<string, Entry>; dataStart: number }> {
  const corrupt = (why: string): KappaError =>
    new KappaError('ERR_CHECKPOINT', `${path} is not a whole safetensors file: ${why}.`);
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    throw ioError(error, 'open', path);
  }
  try {
    const { size } = await file.stat();
    const prefix = await readBytes(file, PREFIX_BYTES, 0);
    if (prefix.length < PREFIX_BYTES) throw corrupt(`it has ${size} bytes`);
    const length = Number(prefix.readBigUInt64LE(0));
    if (length > LARGEST_HEADER || PREFIX_BYTES + length > size) {
      const found = stranger(await readBytes(file, HEAD_BYTES, 0));
      if (found !== undefined) throw corrupt(`it is ${found.is}`);
      throw corrupt(`its header of ${length} bytes does not fit into ${size}`);
    }
    const text = await readBytes(file, length, PREFIX_BYTES);
    if (text.length < length) throw corrupt('it became shorter');
    const dataStart = PREFIX_BYTES + length;
    return { entries: parseHeader(text.toString('utf8'), size - dataStart, corrupt), dataStart };
  } catch (error) {
    throw ioError(error, 'read', path);
  } finally {
    await file.close();
  }
}

/** Bytes at a place of a file; fewer where it ends. */
async function readBytes(file: FileHandle, count: number, position: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, position);
  return buffer.subarray(0, bytesRead);
}

type Corrupt = (why: string) => KappaError;

function parseHeader(text: string, dataBytes: number, corrupt: Corrupt): Map<string, Entry> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw corrupt('its header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw corrupt('its header is not an object');
  const entries = new Map<string, Entry>();
  for (const [name, value] of Object.entries(header))
    if (name !== '__metadata__') entries.set(name, parseEntry(shortName(name), value, corrupt));
  checkSpans(entries, dataBytes, corrupt);
  return entries;
}

function parseEntry(name: string, value: unknown, corrupt: Corrupt): Entry {
  const { dtype: dtypeName, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const dtype = typeof dtypeName === 'string' ? dtypeOfName.get(dtypeName) : undefined;
  const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!dtype || !Array.isArray(shape) || !shape.every(isCount))
    throw corrupt(`its entry ${name} is malformed`);
  if (shape.length > LARGEST_RANK) throw corrupt(`its entry ${name} has ${shape.length} dimensions`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw corrupt(`its entry ${name} has no offsets`);
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, n) => product * n, bytesOfDtype[dtype]);
  if (end - begin !== bytes) throw corrupt(`its entry ${name} has ${end - begin} bytes instead of ${bytes}`);
  // An empty tensor's other sides must not overflow its strides.
  const strides = shape.reduce((product, n) => product * Math.max(n, 1), 1);
  if (!Number.isSafeInteger(strides)) throw corrupt(`its entry ${name} has an impossible shape`);
  return { dtype, shape, begin, end };
}

/** The tensors must follow each other without gaps or overlaps: together they then need no more than the file. */
function checkSpans(entries: Map<string, Entry>, dataBytes: number, corrupt: Corrupt): void {
  const spans = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const [name, { begin, end }] of spans) {
    if (begin !== at)
      throw corrupt(`${shortName(name)} begins at byte ${begin} of the data instead of ${at}`);
    at = end;
  }
  if (at !== dataBytes) throw corrupt(`its tensors end at byte ${at}, its data at ${dataBytes}`);
}

function shortName(name: string): string {
  return name.length > 80 ? `${name.slice(0, 80)}...` : name;
}
