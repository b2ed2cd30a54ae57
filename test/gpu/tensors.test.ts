import assert from 'node:assert/strict';

import { Tensor, synchronize } from '../../lib';
import type { DType } from '../../lib';
import { close } from '../support/assert';
import {
  distance,
  needsParityDevice,
  numbers,
  parityDevice,
  uniform,
  uniformTensor,
} from '../support/parity';

/** Operations of two matrices of 24 x 24 elements from -1 to 1. */
const operations: [string, (x: Tensor, y: Tensor) => PromiseLike<Tensor>][] = [
  ['add, sub, mul, div', (x, y) => x.add(y).mul(x.sub(y)).div(y.abs().add(1))],
  ['pow, remainder', (x, y) => x.abs().pow(y.add(2)).add(x.remainder(0.3))],
  ['exp, log, sqrt, rsqrt', (x, y) => x.exp().log().add(y.abs().add(1).sqrt()).add(y.abs().add(1).rsqrt())],
  ['sin, cos, acos, tanh', (x, y) => x.sin().add(y.cos()).add(x.mul(0.9).acos()).add(y.tanh())],
  ['sigmoid, relu, clamp', (x, y) => x.sigmoid().add(y.relu()).add(x.clamp(-0.5, 0.5))],
  [
    'floor, ceil, round, sign',
    (x, y) => x.mul(9).floor().add(y.mul(9).ceil()).add(x.mul(9).round()).add(y.sign()),
  ],
  ['matmul', (x, y) => x.matmul(y)],
  ['softmax, logSoftmax, normalize', (x, y) => x.softmax(1).add(y.logSoftmax(0)).add(x.normalize(1))],
  ['sum, mean, std, norm', (x, y) => x.sum(0).add(y.mean(1)).add(x.std(0)).add(y.norm(1))],
  ['max, min, cumsum', (x, y) => x.max(0).add(y.min(1)).add(x.cumsum(1).select(1, 20))],
  ['where, comparisons', (x, y) => Tensor.where(x.gt(y).logicalAnd(x.lt(0.8)), x, y.mul(2))],
  [
    'maskedFill, isFinite',
    (x, y) => x.maskedFill(x.div(y.sub(y)).isFinite().logicalNot().logicalAnd(x.gt(0)), 3),
  ],
  [
    'views',
    (x, y) =>
      x
        .transpose(0, 1)
        .reshape([2, 288])
        .flip(1)
        .slice(1, 3, 250, 2)
        .add(y.flatten().slice(0, 0, 124)),
  ],
  [
    'cat, stack',
    (x, y) =>
      Tensor.cat([x, y], 1)
        .sum(1)
        .add(Tensor.stack([x, y]).sum([0, 2])),
  ],
];

describe('tensors: the device against the CPU', () => {
  needsParityDevice();
  const pair = (device: string): Promise<[Tensor, Tensor]> =>
    Promise.all([uniformTensor([24, 24], 1, device), uniformTensor([24, 24], 2, device)]);

  for (const [name, compute] of operations)
    it(name, async () => {
      const expected = await numbers(await compute(...(await pair('cpu'))));
      const actual = await numbers(await compute(...(await pair(parityDevice))));
      // Functions of the GPU are good to two units in the last place (6e-8), and sums of 24 keep that.
      assert.ok(distance(actual, expected) <= 1e-6, `${name}: ${distance(actual, expected)}`);
    });

  it('matmul of 1,000 products to a sum keeps float32, not TF32', async () => {
    const [x, y] = [uniform(64 * 1000, 3), uniform(1000 * 64, 4)];
    const on = async (device: string, dtype: DType): Promise<number[]> => {
      const a = await (await Tensor.from(x, [64, 1000])).to({ device, dtype });
      const b = await (await Tensor.from(y, [1000, 64])).to({ device, dtype });
      return numbers(await a.matmul(b));
    };
    // TF32 has 10 bits: its products are off by 3e-4. The rest is the order of the sums.
    assert.ok(distance(await on(parityDevice, 'float32'), await on('cpu', 'float64')) <= 2e-6);
    assert.ok(distance(await on(parityDevice, 'float64'), await on('cpu', 'float64')) <= 1e-14);
  });

  it('gradients', async () => {
    const sides: number[][] = [];
    for (const device of ['cpu', parityDevice]) {
      const [x, y] = await pair(device);
      x.requiresGrad = y.requiresGrad = true;
      await x.matmul(y).tanh().mul(x).softmax(1).log().mean().backward();
      sides.push([...(await numbers((await x.grad())!)), ...(await numbers((await y.grad())!))]);
    }
    assert.ok(distance(sides[1]!, sides[0]!) <= 1e-5);
  });

  it('transfers every element type there and back, also from pinned memory and without waiting', async () => {
    const types: [DType, number[]][] = [
      ['float32', [1.5, -2.25, 1e-30, 3e38]],
      ['float64', [1 / 3, -2e300, 5e-324, 0]],
      ['float16', [1.5, -2.25, 65504, 6e-5]],
      ['bfloat16', [1.5, -2.25, 1e38, 1e-38]],
      ['int64', [1, -2, 2 ** 52, 0]],
      ['int32', [1, -2, 2 ** 31 - 1, 0]],
      ['uint8', [0, 1, 128, 255]],
      ['bool', [0, 1, 1, 0]],
    ];
    for (const [dtype, values] of types) {
      const here = await Tensor.from(values, undefined, { dtype });
      const there = await here.to({ device: parityDevice });
      assert.equal(there.dtype, dtype);
      assert.equal(there.device.startsWith(parityDevice), true, there.device);
      assert.ok(await (await there.to({ device: 'cpu' })).equal(here), dtype);
      if (parityDevice === 'cpu') continue; // needs a GPU
      const pinned = await here.pinMemory();
      const later = await pinned.to({ device: parityDevice, nonBlocking: true });
      await synchronize();
      assert.ok(await (await later.to({ device: 'cpu' })).equal(here), `${dtype}, pinned`);
    }
  });

  it('conversions round as on the CPU', async () => {
    const values = Array.from(uniform(4096, 8), (value) => value * 300);
    for (const dtype of ['float16', 'bfloat16', 'int32', 'float64'] as const) {
      const here = await Tensor.from(Float32Array.from(values));
      const there = await here.to({ device: parityDevice });
      close(await numbers(await there.to(dtype)), await numbers(await here.to(dtype)), 0, dtype);
    }
  });

  it('images arrive as on the CPU, mirrored where asked', async () => {
    const pixels = Uint8Array.from({ length: 3 * 32 * 32 * 3 }, (_, i) => (i * 31) % 256);
    const size = { batch: 3, height: 32, width: 32 };
    const flips = Uint8Array.from([0, 1, 0]);
    const make = async (device: string): Promise<number[]> =>
      numbers(await Tensor.fromImages(pixels, size, flips, { device }));
    // One multiplication and one addition, which may melt into one rounding.
    close(await make(parityDevice), await make('cpu'), 2e-7);
  });
});
