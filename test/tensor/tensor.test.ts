import assert from 'node:assert/strict';

import { Tensor, liveTensors, manualSeed, noGrad, scope, synchronize } from '../../lib';
import type { DType, TensorPromise } from '../../lib';
import { close, rejects } from '../support/assert';
import { collectGarbage, leavesNoTensors } from '../support/tensors';

const values = async (work: Promise<Tensor>): Promise<number[]> => (await work).toArray();

describe('Tensor', () => {
  describe('creation and transfer', () => {
    it('keeps the elements of every dtype', async () => {
      const cases: [DType, number[]][] = [
        ['float32', [1.5, -2, 0]],
        ['float64', [Math.PI, -1e-300, 3]],
        ['bfloat16', [1.5, -2, 256]],
        ['float16', [1.5, -2, 2048]],
        ['int64', [1, -(2 ** 53) + 1, 3]],
        ['int32', [1, -(2 ** 31), 3]],
        ['uint8', [0, 128, 255]],
        ['bool', [1, 0, 1]],
      ];
      for (const [dtype, numbers] of cases) {
        const tensor = await Tensor.from(numbers, undefined, { dtype });
        assert.equal(tensor.dtype, dtype);
        assert.deepEqual(await tensor.toArray(), numbers, dtype);
      }
    });

    it('takes nested arrays, TypedArrays and shapes', async () => {
      const nested = await Tensor.from([
        [1, 2, 3],
        [4, 5, 6],
      ]);
      assert.deepEqual(nested.shape, [2, 3]);
      const typed = await Tensor.from(new Float64Array([1, 2, 3, 4]), [2, 2]);
      assert.equal(typed.dtype, 'float64');
      assert.ok((await typed.toTypedArray()) instanceof Float64Array);
      assert.deepEqual((await Tensor.from(7)).shape, []);
      assert.deepEqual((await Tensor.from([])).shape, [0]);
      assert.equal((await Tensor.from([true, false])).dtype, 'bool');
      assert.deepEqual(await values(Tensor.from(new Uint16Array([0x3f80]), [1], { dtype: 'bfloat16' })), [1]);
    });

    it('uses shared memory itself when asked, and copies otherwise', async () => {
      const array = new Float32Array(new SharedArrayBuffer(8));
      array.set([1, 2]);
      const shared = await Tensor.from(array, [2], { copy: false });
      const copied = await Tensor.from(array);
      array[0] = 9;
      assert.deepEqual(await shared.toArray(), [9, 2]);
      assert.deepEqual(await copied.toArray(), [1, 2]);
      const out = await shared.toTypedArray();
      array[1] = 8;
      assert.deepEqual([...out], [9, 2], 'what came out does not change any more');
    });

    it('explains what is wrong with the data', async () => {
      await rejects(Tensor.from([[1, 2], [3]]), 'ERR_SHAPE', /unequal lengths/);
      await rejects(Tensor.from(new Float32Array(5), [2, 3]), 'ERR_SHAPE', /6 elements but the array has 5/);
      await rejects(Tensor.from(new Float32Array(5), [-1]), 'ERR_ARGUMENT', /sizes of 0 or more/);
      await rejects(Tensor.from(['a'] as never), 'ERR_ARGUMENT');
      await rejects(Tensor.from(new Uint16Array(1)), 'ERR_DTYPE');
      await rejects(Tensor.from([1], [1], { dtype: 'float12' as never }), 'ERR_DTYPE', /float32, float64/);
      await rejects(Tensor.full([2 ** 40, 2 ** 40], 0), 'ERR_SHAPE', /too many elements/);
      await rejects(Tensor.full([2 ** 45], 0), 'ERR_OUT_OF_MEMORY');
    });

    it('draws the same numbers after the same seed', async () => {
      const draw = async (): Promise<number[]> => {
        await manualSeed(7);
        return [
          ...(await values(Tensor.randn([3]))),
          ...(await values(Tensor.rand([3]))),
          ...(await values(Tensor.randint(0, 100, [3]))),
          ...(await values(Tensor.randperm(5))),
        ];
      };
      assert.deepEqual(await draw(), await draw());
    });

    it('turns images into the input of a backbone, mirrored where asked', async () => {
      const pixels = new Uint8Array(new SharedArrayBuffer(2 * 2 * 3 * 3)).map((_, i) => i * 7);
      const images = await Tensor.fromImages(pixels, { batch: 2, height: 2, width: 3 }, Uint8Array.of(0, 1));
      assert.deepEqual(images.shape, [2, 3, 2, 3]);
      assert.ok(images.isChannelsLast);
      const expected: number[] = [];
      for (let n = 0; n < 2; n++)
        for (let c = 0; c < 3; c++)
          for (let y = 0; y < 2; y++)
            for (let x = 0; x < 3; x++) {
              const column = n === 1 ? 2 - x : x;
              expected.push(((pixels[((n * 2 + y) * 3 + column) * 3 + c] ?? 0) / 255 - 0.5) / 0.5);
            }
      close(await images.toArray(), expected, 1e-6);
      await rejects(Tensor.fromImages(pixels, { batch: 3, height: 2, width: 3 }), 'ERR_SHAPE');
      await rejects(
        Tensor.fromImages(pixels, { batch: 2, height: 2, width: 3 }, Uint8Array.of(1)),
        'ERR_SHAPE',
      );
    });

    it('says that there is no CUDA device', async () => {
      const tensor = await Tensor.ones([1]);
      await rejects(tensor.to({ device: 'cuda' }), 'ERR_DEVICE', /not available/);
      await rejects(tensor.to({ device: 'abacus' }), 'ERR_DEVICE');
      assert.equal((await tensor.to({ device: 'cpu', dtype: 'float64' })).dtype, 'float64');
    });
  });

  describe('operations', () => {
    const a = (): Promise<Tensor> =>
      Tensor.from([
        [1, -2, 3],
        [4, 5, -6],
      ]);

    it('changes shapes', async () => {
      const t = await a();
      assert.deepEqual((await t.reshape([3, -1])).shape, [3, 2]);
      assert.deepEqual(await values(t.permute([1, 0])), [1, 4, -2, 5, 3, -6]);
      assert.deepEqual(await values(t.transpose(0, 1)), [1, 4, -2, 5, 3, -6]);
      assert.deepEqual((await t.unsqueeze(0)).shape, [1, 2, 3]);
      assert.deepEqual((await t.unsqueeze(0).squeeze()).shape, [2, 3]);
      assert.deepEqual((await t.flatten()).shape, [6]);
      assert.deepEqual((await t.unsqueeze(0).expand([4, 2, 3])).shape, [4, 2, 3]);
      assert.deepEqual((await t.repeat([2, 1])).shape, [4, 3]);
      assert.deepEqual(await values(t.flip(1)), [3, -2, 1, -6, 5, 4]);
      assert.deepEqual((await Tensor.ones([1, 2, 3, 3]).contiguous('channelsLast')).isChannelsLast, true);
      await rejects(t.reshape([4, 4]), 'ERR_SHAPE', /invalid for input of size 6/);
    });

    it('indexes, gathers and joins', async () => {
      const t = await a();
      assert.deepEqual(await values(t.slice(1, 1)), [-2, 3, 5, -6]);
      assert.deepEqual(await values(t.slice(1, -2, undefined)), [-2, 3, 5, -6]);
      assert.deepEqual(await values(t.slice(1, 0, 3, 2)), [1, 3, 4, -6]);
      assert.deepEqual(await values(t.select(0, 1)), [4, 5, -6]);
      const index = await Tensor.from(
        [
          [2, 0],
          [1, 1],
        ],
        undefined,
        { dtype: 'int64' },
      );
      assert.deepEqual(await values(t.gather(1, index)), [3, 1, 5, 5]);
      assert.deepEqual(await values(Tensor.zeros([2, 3]).scatter(1, index, 1)), [1, 0, 1, 0, 1, 0]);
      const ones = await Tensor.ones([2, 2]);
      assert.deepEqual(await values(Tensor.zeros([2, 3]).scatterAdd(1, index, ones)), [1, 0, 1, 0, 2, 0]);
      const rows = await Tensor.from([1, 1], undefined, { dtype: 'int64' });
      assert.deepEqual(await values(t.indexSelect(0, rows)), [4, 5, -6, 4, 5, -6]);
      assert.deepEqual(await values(Tensor.zeros([2, 2]).indexAdd(0, rows, ones)), [0, 0, 2, 2]);
      assert.deepEqual(await values(t.maskedSelect(t.lt(0))), [-2, -6]);
      assert.deepEqual(await values(t.maskedFill(t.lt(0), 0)), [1, 0, 3, 4, 5, 0]);
      assert.deepEqual(await values(Tensor.where(t.gt(0), t, 0)), [1, 0, 3, 4, 5, 0]);
      assert.deepEqual((await Tensor.cat([t, t], 1)).shape, [2, 6]);
      assert.deepEqual((await Tensor.stack([t, t])).shape, [2, 2, 3]);
      assert.deepEqual(
        (await t.split(2, 1)).map(({ shape }) => shape),
        [
          [2, 2],
          [2, 1],
        ],
      );
      await rejects(t.select(0, 2), 'ERR_SHAPE');
    });

    it('computes with broadcasting', async () => {
      const t = await a();
      const row = await Tensor.from([1, 2, 3]);
      assert.deepEqual(await values(t.add(row)), [2, 0, 6, 5, 7, -3]);
      assert.deepEqual(await values(t.sub(1)), [0, -3, 2, 3, 4, -7]);
      assert.deepEqual(await values(t.mul(row)), [1, -4, 9, 4, 10, -18]);
      assert.deepEqual(await values(t.div(row)), [1, -1, 1, 4, 2.5, -2]);
      assert.deepEqual(await values(t.pow(2)), [1, 4, 9, 16, 25, 36]);
      assert.deepEqual(await values(t.remainder(4)), [1, 2, 3, 0, 1, 2]);
      assert.deepEqual(await values(t.maximum(0)), [1, 0, 3, 4, 5, 0]);
      assert.deepEqual(await values(t.minimum(row)), [1, -2, 3, 1, 2, -6]);
      assert.deepEqual(await values(t.clamp(-1, 4)), [1, -1, 3, 4, 4, -1]);
      const integers = await Tensor.from([1, 2], undefined, { dtype: 'int64' });
      assert.equal((await integers.add(1)).dtype, 'int64');
      await t.addInPlace(1);
      await t.mulInPlace(2);
      assert.deepEqual(await t.toArray(), [4, -2, 8, 10, 12, -10]);
      await rejects(t.add(await Tensor.ones([4])), 'ERR_SHAPE');
    });

    it('compares', async () => {
      const t = await a();
      assert.deepEqual(await values(t.eq(4)), [0, 0, 0, 1, 0, 0]);
      assert.deepEqual(await values(t.ne(4)), [1, 1, 1, 0, 1, 1]);
      assert.deepEqual(await values(t.ge(0).logicalAnd(t.le(3))), [1, 0, 1, 0, 0, 0]);
      assert.deepEqual(await values(t.lt(0).logicalOr(t.gt(4))), [0, 1, 0, 0, 1, 1]);
      assert.deepEqual(await values(t.lt(0).logicalNot()), [1, 0, 1, 1, 1, 0]);
      const odd = await Tensor.from([1, NaN, Infinity]);
      assert.deepEqual(await values(odd.isFinite()), [1, 0, 0]);
      assert.deepEqual(await values(odd.isNaN()), [0, 1, 0]);
      assert.equal(await t.equal(await a()), true);
      assert.equal(await t.equal(await t.to('float64')), false);
      assert.equal(await t.allClose(await t.add(1e-7)), true);
      assert.equal(await t.allClose(await t.add(1e-3)), false);
      await rejects(t.allClose(await Tensor.ones([7])), 'ERR_SHAPE', /allClose/);
      await rejects(Tensor.randint(5, 1, [2]), 'ERR_ARGUMENT', /received 5 and 1/);
    });

    it('computes elementwise functions like Math does', async () => {
      const inputs = [0.1, 0.5, 0.9];
      const t = await Tensor.from(new Float64Array(inputs));
      const pairs: [Promise<Tensor>, (x: number) => number][] = [
        [t.neg(), (x) => -x],
        [t.abs(), Math.abs],
        [t.sign(), Math.sign],
        [t.sqrt(), Math.sqrt],
        [t.rsqrt(), (x) => 1 / Math.sqrt(x)],
        [t.exp(), Math.exp],
        [t.log(), Math.log],
        [t.sin(), Math.sin],
        [t.cos(), Math.cos],
        [t.acos(), Math.acos],
        [t.tanh(), Math.tanh],
        [t.sigmoid(), (x) => 1 / (1 + Math.exp(-x))],
        [t.relu(), (x) => Math.max(x, 0)],
        [t.floor(), Math.floor],
        [t.ceil(), Math.ceil],
        [t.round(), (x) => (x === 0.5 ? 0 : Math.round(x))],
      ];
      for (const [result, reference] of pairs) close(await values(result), inputs.map(reference), 1e-14);
    });

    it('reduces, sorts and multiplies matrices', async () => {
      const t = await a();
      assert.equal(await t.sum().item(), 5);
      assert.deepEqual(await values(t.sum(0)), [5, 3, -3]);
      assert.deepEqual((await t.sum(0, true)).shape, [1, 3]);
      close(await values(t.mean(1)), [2 / 3, 1], 1e-6);
      close(await values(t.std(1)), [Math.sqrt(19 / 3), Math.sqrt(37)], 1e-5);
      close(await values(t.variance(1, { correction: 0 })), [38 / 9, 74 / 3], 1e-5);
      assert.deepEqual(await values(t.max(1)), [3, 5]);
      assert.deepEqual(await values(t.min()), [-6]);
      assert.deepEqual(await values(t.argmax(1)), [2, 1]);
      assert.deepEqual(await values(t.argmin()), [5]);
      close(await values(t.norm()), [Math.sqrt(91)], 1e-5);
      close(await values(t.norm(1, { p: 1 })), [6, 15], 1e-6);
      assert.equal(await t.gt(4).any().item(), 1);
      assert.equal(await t.gt(4).all().item(), 0);
      assert.deepEqual(await values(t.cumsum(1)), [1, -1, 2, 4, 9, 3]);
      const top = await t.topk(2, 1);
      assert.deepEqual(await top.values.toArray(), [3, 1, 5, 4]);
      assert.deepEqual(await top.indices.toArray(), [2, 0, 1, 0]);
      assert.deepEqual(await (await t.sort(1)).values.toArray(), [-2, 1, 3, -6, 4, 5]);
      assert.deepEqual(await values(t.matmul(await t.transpose(0, 1))), [14, -24, -24, 77]);
      close(await values(t.softmax(1).sum(1)), [1, 1], 1e-6);
      close(await values(t.logSoftmax(1).exp().sum(1)), [1, 1], 1e-6);
      close(await values(t.normalize(1).norm(1)), [1, 1], 1e-6);
      const labels = await Tensor.from([2, 1], undefined, { dtype: 'int64' });
      const expected = [
        [1, -2, 3],
        [4, 5, -6],
      ].map((row, i) => {
        const sum = Math.log(row.reduce((total, x) => total + Math.exp(x), 0));
        return sum - (row[i === 0 ? 2 : 1] ?? 0);
      });
      close(await values(t.crossEntropy(labels)), [((expected[0] ?? 0) + (expected[1] ?? 0)) / 2], 1e-5);
    });
  });

  describe('gradients', () => {
    it('flow through a computation and accumulate', async () => {
      const x = await Tensor.from(new Float64Array([1, 2, 3]));
      x.requiresGrad = true;
      const loss = (): TensorPromise => x.mul(x).sum();
      await loss().backward();
      assert.deepEqual(await (await x.grad())?.toArray(), [2, 4, 6]);
      await loss().backward();
      assert.deepEqual(await (await x.grad())?.toArray(), [4, 8, 12]);
      await x.zeroGrad();
      assert.equal(await x.grad(), null);
    });

    it('are not recorded in noGrad, also across await, while others record', async () => {
      const x = await Tensor.ones([2]);
      x.requiresGrad = true;
      const [inside, outside] = await Promise.all([
        noGrad(async () => {
          await synchronize();
          return x.mul(2);
        }),
        x.mul(2),
      ]);
      assert.equal(inside.requiresGrad, false);
      assert.equal(outside.requiresGrad, true);
      assert.equal((await outside.detach()).requiresGrad, false);
    });

    it('are refused where there are none', async () => {
      const x = await Tensor.ones([2]);
      await rejects(x.backward(), 'ERR_ARGUMENT', /requires gradients/);
      x.requiresGrad = true;
      await rejects(x.mul(2).backward(), 'ERR_SHAPE');
      const integers = await Tensor.from([1], undefined, { dtype: 'int64' });
      assert.throws(() => (integers.requiresGrad = true), { code: 'ERR_DTYPE' });
    });
  });

  describe('life', () => {
    it('ends with dispose, which may be called again', async () => {
      const t = await Tensor.ones([2]);
      const sum = t.sum();
      t.dispose();
      t.dispose();
      assert.equal(await (await sum).item(), 2, 'work queued before is done');
      assert.ok(t.isDisposed);
      await rejects(t.sum(), 'ERR_DISPOSED', /shape \[2\]/);
      assert.match(String(t), /disposed/);
    });

    it('ends with the scope, also when it throws, except for what it returns', async () => {
      await leavesNoTensors(async () => {
        const kept = await scope(async () => {
          const x = await Tensor.ones([3]);
          const inner = await scope(async () => ({ list: [await x.add(1)], other: (await x.mul(2)).shape }));
          await assert.rejects(
            scope(async () => {
              await x.add(1);
              throw new Error('in the middle');
            }),
            /in the middle/,
          );
          return inner.list[0];
        });
        assert.deepEqual(await kept?.toArray(), [2, 2, 2]);
        kept?.dispose();
      });
    });

    it('is counted in tensors and bytes', async () => {
      await collectGarbage();
      const before = liveTensors();
      const t = await Tensor.zeros([256]);
      assert.deepEqual(liveTensors(), { count: before.count + 1, bytes: before.bytes + 1024 });
      t.dispose();
      assert.deepEqual(liveTensors(), before);
    });

    it('can be kept out of a scope', async () => {
      let kept: Tensor | undefined;
      await scope(async () => {
        kept = (await Tensor.ones([1])).keep();
      });
      assert.equal(await kept?.item(), 1);
      kept?.dispose();
    });
  });

  it('keeps the event loop free while it computes', async () => {
    const big = await Tensor.randn([1500, 1500]);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    let product = big;
    for (let i = 0; i < 6; i++) product = await product.matmul(big);
    clearInterval(timer);
    assert.ok(turns > 0);
  });
});
