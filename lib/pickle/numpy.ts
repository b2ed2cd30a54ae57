import type { PickleCursor } from './cursor';
import { NumpyArray, NumpyDtype, PickleGlobal, PickleText, PickleTuple, type PickleValue } from './values';

/** What calling one of the allowed names yields. @throws KappaError ERR_DATA_CORRUPT */
export function callGlobal(
  callee: PickleGlobal,
  args: readonly PickleValue[],
  at: PickleCursor,
): PickleValue {
  switch (callee.name) {
    case 'encode': {
      const [text, coding] = args;
      const name = coding === undefined ? null : shortText(coding);
      if (
        !(text instanceof PickleText) ||
        args.length !== 2 ||
        !/^(latin|latin-|iso-8859-)1$/.test(name ?? '')
      )
        throw at.fail('_codecs.encode is called with something else than a text and latin1');
      const bytes = text.latin1;
      if (bytes === null) throw at.fail('a text that stands for bytes holds a character beyond latin-1');
      return bytes;
    }
    case 'dtype': {
      const name = args[0] === undefined ? null : shortText(args[0]);
      const [, order, kind, size] = /^([|<=>]?)(b1|\?|u|i|f|O)([1248]?)$/.exec(name ?? '') ?? [];
      const type = kind === undefined ? undefined : elementType(kind, Number(size));
      if (type === undefined || args.length > 3)
        throw at.fail(
          `a numpy array of type ${JSON.stringify(name)}: images are of uint8 (u1), answers of bool (b1) or numbers`,
        );
      type.isBigEndian = order === '>';
      return type;
    }
    case 'reconstruct': {
      const [type] = args;
      if (!(type instanceof PickleGlobal) || type.name !== 'ndarray' || args.length !== 3)
        throw at.fail('_reconstruct is called for something else than a numpy.ndarray');
      return new NumpyArray();
    }
    case 'frombuffer': {
      const [data, dtype, shape, order] = args;
      if (args.length !== 4 || !/^[CF]$/.test(order === undefined ? '' : (shortText(order) ?? '')))
        throw at.fail('_frombuffer is called with other arguments than numpy writes');
      return fill(new NumpyArray(), dtype, shape, data, at);
    }
    case 'scalar': {
      const [dtype, data] = args;
      const bytes = data === undefined ? null : asBytes(data);
      if (!(dtype instanceof NumpyDtype) || dtype.kind === 'object' || bytes?.length !== dtype.size)
        throw at.fail('a numpy scalar that is neither a bool nor a number');
      if (dtype.kind !== 'bool') return dtype.numberAt(bytes, 0);
      if (bytes[0]! > 1) throw at.fail('a numpy bool that is neither true nor false');
      return bytes[0] === 1;
    }
    case 'ndarray':
      throw at.fail('numpy.ndarray is called, which numpy itself never writes');
  }
}

/** Gives an array or element type its state. @throws KappaError ERR_DATA_CORRUPT */
export function buildNumpy(target: PickleValue, state: PickleValue, at: PickleCursor): void {
  const items = state instanceof PickleTuple ? state.items : [];
  if (target instanceof NumpyDtype) {
    // (version, byte order, subarray, names, fields, size, alignment, flags): nothing in it may make the type compound.
    const plain = items.length >= 8 && items.length <= 9 && items.slice(2, 5).every((item) => item === null);
    const order = /^[|<=>]$/.exec(shortText(items[1]!) ?? '')?.[0];
    if (!plain || order === undefined)
      throw at.fail('a numpy element type has fields or a state that numbers do not have');
    target.isBigEndian = order === '>';
    return;
  }
  if (target instanceof NumpyArray && items.length === 5) {
    if (target.dtype !== undefined) throw at.fail('the state of a numpy array is set twice');
    fill(target, items[2], items[1], items[4], at);
    return;
  }
  throw at.fail('a state is set on something that is not a numpy array or element type');
}

function fill(
  array: NumpyArray,
  dtype: PickleValue | undefined,
  shape: PickleValue | undefined,
  data: PickleValue | undefined,
  at: PickleCursor,
): NumpyArray {
  const objects = dtype instanceof NumpyDtype && dtype.kind === 'object' && Array.isArray(data) ? data : null;
  const bytes = data === undefined ? null : asBytes(data);
  if (!(dtype instanceof NumpyDtype) || !(shape instanceof PickleTuple) || (bytes ?? objects) === null)
    throw at.fail('a numpy array has another state than numpy writes for numbers and booleans');
  const isObjects = dtype.kind === 'object';
  const count = isObjects ? objects?.length : bytes && bytes.length / dtype.size;
  const dims = shape.items;
  // All elements along one dimension: (n,), (n, 1) or (1, n).
  const [n, width = 1] = dims;
  const fits = isLength(n) && isLength(width) && dims.length <= 2 && (n === 1 || width === 1);
  if (!fits || n * width !== count)
    throw at.fail(`a numpy array whose shape is not (${count},) or (${count}, 1), as its data would need`);
  array.dtype = dtype;
  array.length = count;
  if (isObjects) array.items = objects!;
  else array.data = bytes!;
  return array;
}

/** The type that numpy calls `u1`, `i8`, `f4`, `b1` or `O8`; undefined where that is none. */
function elementType(kind: string, size: number): NumpyDtype | undefined {
  if (kind === 'b1' || kind === '?') return size === 0 ? new NumpyDtype('bool', 1) : undefined;
  if (kind === 'O') return new NumpyDtype('object', 0);
  if (kind === 'f') return size === 4 || size === 8 ? new NumpyDtype('float', size) : undefined;
  return size > 0 ? new NumpyDtype(kind === 'u' ? 'uint' : 'int', size) : undefined;
}

function isLength(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

/** `bytes` of Python 3, `str` of Python 2. */
function asBytes(value: PickleValue): Buffer | null {
  return Buffer.isBuffer(value) ? value : null;
}

function shortText(value: PickleValue): string | null {
  if (value instanceof PickleText) return value.short;
  return Buffer.isBuffer(value) && value.length <= 64 ? value.toString('latin1') : null;
}
