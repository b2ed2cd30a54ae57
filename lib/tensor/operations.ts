import { argumentError } from '../errors';
import type { NativeAddon, TensorHandle, TensorInput } from '../native/contract';
import { ofThisRealm } from './elements';
import type { Input } from './input';
import { dimsInput, operandInput, tensorInput } from './operands';
import { plan } from './plan';
import type { Plan } from './plan';
import type { Dims, Operand, TensorOperations } from './tensor-operations';

type Name = keyof TensorOperations;
type Reader<K extends Name, P> = (a: Input, ...args: Parameters<TensorOperations[K]>) => P;

/** The functions of the addon that are called alike. */
type Alike<F> = { [K in keyof NativeAddon]: NativeAddon[K] extends F ? K : never }[keyof NativeAddon];
type Unary = Alike<(a: TensorInput) => Promise<TensorHandle>>;
type Binary = Alike<(a: TensorInput, b: TensorInput | number) => Promise<TensorHandle>>;
type Pair = Alike<(a: TensorInput, b: TensorInput) => Promise<TensorHandle>>;
type Reduction = Alike<(a: TensorInput, dims: number[] | null, keep: boolean) => Promise<TensorHandle>>;

const unary = (name: Unary) => (a: Input) => plan([a], (addon, x) => addon[name](x));

const binary = (name: Binary) => (a: Input, other: Operand) =>
  plan([a, operandInput(other)], (addon, x, y) => addon[name](x, y));

const pair =
  (name: Pair, what = 'other') =>
  (a: Input, other: unknown) =>
    plan([a, tensorInput(other, what)], (addon, x, y) => addon[name](x, y));

const reduction =
  (name: Reduction) =>
  (a: Input, over?: Dims, keepDims = false) => {
    const dims = dimsInput(over);
    return plan([a], (addon, x) => addon[name](x, dims, keepDims));
  };

/** Operations whose result is a new tensor. */
export const tensorOperations = {
  to: (a, target) => {
    const { dtype, device, nonBlocking = false } = typeof target === 'string' ? { dtype: target } : target;
    return plan([a], (addon, x) => addon.to(x, dtype ?? null, device ?? null, nonBlocking));
  },
  pinMemory: unary('pinMemory'),

  reshape: (a, sizes) => {
    const shape = [...sizes];
    return plan([a], (addon, x) => addon.reshape(x, shape));
  },
  permute: (a, order) => {
    const dims = [...order];
    return plan([a], (addon, x) => addon.permute(x, dims));
  },
  transpose: (a, dim0, dim1) => plan([a], (addon, x) => addon.transpose(x, dim0, dim1)),
  squeeze: (a, dim) => plan([a], (addon, x) => addon.squeeze(x, dim ?? null)),
  unsqueeze: (a, dim) => plan([a], (addon, x) => addon.unsqueeze(x, dim)),
  flatten: (a, start = 0, end = -1) => plan([a], (addon, x) => addon.flatten(x, start, end)),
  expand: (a, sizes) => {
    const shape = [...sizes];
    return plan([a], (addon, x) => addon.expand(x, shape));
  },
  repeat: (a, counts) => {
    const repeats = [...counts];
    return plan([a], (addon, x) => addon.repeat(x, repeats));
  },
  flip: (a, along) => {
    const dims = dimsInput(along) ?? [];
    return plan([a], (addon, x) => addon.flip(x, dims));
  },
  contiguous: (a, format) => plan([a], (addon, x) => addon.contiguous(x, format === 'channelsLast')),
  clone: unary('clone'),

  slice: (a, dim, start, end, step = 1) =>
    plan([a], (addon, x) => addon.slice(x, dim, start ?? null, end ?? null, step)),
  select: (a, dim, index) => plan([a], (addon, x) => addon.select(x, dim, index)),
  indexSelect: (a, dim, index) =>
    plan([a, tensorInput(index, 'index')], (addon, x, at) => addon.indexSelect(x, dim, at)),
  maskedSelect: pair('maskedSelect', 'mask'),
  maskedFill: (a, mask, value) =>
    plan([a, tensorInput(mask, 'mask')], (addon, x, where) => addon.maskedFill(x, where, value)),
  gather: (a, dim, index) =>
    plan([a, tensorInput(index, 'index')], (addon, x, at) => addon.gather(x, dim, at)),
  scatter: (a, dim, index, source) =>
    plan([a, tensorInput(index, 'index'), operandInput(source)], (addon, x, at, from) =>
      addon.scatter(x, dim, at, from),
    ),
  scatterAdd: (a, dim, index, source) =>
    plan([a, tensorInput(index, 'index'), tensorInput(source, 'source')], (addon, x, at, from) =>
      addon.scatterAdd(x, dim, at, from),
    ),
  indexAdd: (a, dim, index, source) =>
    plan([a, tensorInput(index, 'index'), tensorInput(source, 'source')], (addon, x, at, from) =>
      addon.indexAdd(x, dim, at, from),
    ),

  add: binary('add'),
  sub: binary('sub'),
  mul: binary('mul'),
  div: binary('div'),
  pow: binary('pow'),
  remainder: binary('remainder'),
  eq: binary('eq'),
  ne: binary('ne'),
  lt: binary('lt'),
  le: binary('le'),
  gt: binary('gt'),
  ge: binary('ge'),
  logicalAnd: pair('logicalAnd'),
  logicalOr: pair('logicalOr'),
  logicalNot: unary('logicalNot'),
  isFinite: unary('isFinite'),
  isNaN: unary('isNaN'),

  maximum: binary('maximum'),
  minimum: binary('minimum'),
  neg: unary('neg'),
  abs: unary('abs'),
  sign: unary('sign'),
  sqrt: unary('sqrt'),
  rsqrt: unary('rsqrt'),
  exp: unary('exp'),
  log: unary('log'),
  sin: unary('sin'),
  cos: unary('cos'),
  acos: unary('acos'),
  tanh: unary('tanh'),
  sigmoid: unary('sigmoid'),
  relu: unary('relu'),
  floor: unary('floor'),
  ceil: unary('ceil'),
  round: unary('round'),
  clamp: (a, low, high) => {
    if (low === undefined && high === undefined) throw argumentError('clamp', 'at least one bound', low);
    return plan([a], (addon, x) => addon.clamp(x, low ?? null, high ?? null));
  },

  matmul: pair('matmul'),
  softmax: (a, dim = -1) => plan([a], (addon, x) => addon.softmax(x, dim)),
  logSoftmax: (a, dim = -1) => plan([a], (addon, x) => addon.logSoftmax(x, dim)),
  normalize: (a, dim = -1, eps = 1e-12) => plan([a], (addon, x) => addon.normalize(x, dim, eps)),
  crossEntropy: pair('crossEntropy', 'labels'),

  sum: reduction('sum'),
  mean: reduction('mean'),
  max: reduction('amax'),
  min: reduction('amin'),
  std: (a, over, { correction = 1, keepDims = false } = {}) => {
    const dims = dimsInput(over);
    return plan([a], (addon, x) => addon.std(x, dims, correction, keepDims));
  },
  variance: (a, over, { correction = 1, keepDims = false } = {}) => {
    const dims = dimsInput(over);
    return plan([a], (addon, x) => addon.variance(x, dims, correction, keepDims));
  },
  norm: (a, over, { p = 2, keepDims = false } = {}) => {
    const dims = dimsInput(over);
    return plan([a], (addon, x) => addon.norm(x, p, dims, keepDims));
  },
  argmax: (a, dim, keepDims = false) => plan([a], (addon, x) => addon.argmax(x, dim ?? null, keepDims)),
  argmin: (a, dim, keepDims = false) => plan([a], (addon, x) => addon.argmin(x, dim ?? null, keepDims)),
  any: unary('any'),
  all: unary('all'),
  cumsum: (a, dim) => plan([a], (addon, x) => addon.cumsum(x, dim)),

  detach: unary('detach'),
} satisfies { [K in Name]?: Reader<K, Plan<TensorHandle, unknown>> };

/** Operations that change their tensor and resolve to it. */
export const inPlaceOperations = {
  addInPlace: binary('addInto'),
  subInPlace: binary('subInto'),
  mulInPlace: binary('mulInto'),
  divInPlace: binary('divInto'),
} satisfies { [K in Name]?: Reader<K, Plan<TensorHandle, unknown>> };

/** Operations that resolve to something else than one tensor. */
export const valueOperations = {
  toTypedArray: (a) => plan([a], (addon, x) => addon.toHost(x), ofThisRealm),
  toArray: (a) =>
    plan(
      [a],
      (addon, x) => addon.toHost(x),
      (array) => Array.from(array as ArrayLike<number | bigint>, Number),
    ),
  item: (a) => plan([a], (addon, x) => addon.item(x)),
  copyFrom: (a, source) =>
    plan([a, tensorInput(source, 'source')], (addon, x, from) => addon.copyInto(x, from)),
  fill: (a, value) => plan([a], (addon, x) => addon.fillWith(x, value)),
  fillNormal: (a, mean, deviation) => plan([a], (addon, x) => addon.normalInto(x, mean, deviation)),
  split: (a, size, dim = 0) =>
    plan(
      [a],
      (addon, x) => addon.split(x, size, dim),
      (pieces, wrap) => pieces.map(wrap),
    ),
  equal: (a, other) => plan([a, tensorInput(other, 'other')], (addon, x, y) => addon.equal(x, y)),
  allClose: (a, other, relative = 1e-5, absolute = 1e-8) =>
    plan([a, tensorInput(other, 'other')], (addon, x, y) => addon.allClose(x, y, relative, absolute)),
  topk: (a, k, dim = -1, largest = true) =>
    plan(
      [a],
      (addon, x) => addon.topk(x, k, dim, largest),
      ({ values, indices }, wrap) => ({ values: wrap(values), indices: wrap(indices) }),
    ),
  sort: (a, dim = -1, descending = false) =>
    plan(
      [a],
      (addon, x) => addon.sort(x, dim, descending),
      ({ values, indices }, wrap) => ({ values: wrap(values), indices: wrap(indices) }),
    ),
  backward: (a, { gradient, retainGraph = false } = {}) =>
    gradient
      ? plan([a, tensorInput(gradient, 'gradient')], (addon, x, y) => addon.backward(x, y, retainGraph))
      : plan([a], (addon, x) => addon.backward(x, null, retainGraph)),
  grad: (a) =>
    plan(
      [a],
      (addon, x) => addon.grad(x),
      (gradient, wrap) => (gradient === null ? null : wrap(gradient)),
    ),
  zeroGrad: (a) => plan([a], (addon, x) => addon.zeroGrad([x], true)),
} satisfies { [K in Name]?: Reader<K, Plan<unknown, Awaited<ReturnType<TensorOperations[K]>>>> };
