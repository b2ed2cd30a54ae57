import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Tensor, liveTensors, noGrad, scope, synchronize } from '../../lib';
import { TensorPromise } from '../../lib/tensor/tensor-promise';
import { rejects } from '../support/assert';
import { leavesNoTensors } from '../support/tensors';

/** The rejections that nobody hears of while the body runs. */
async function unheardRejections(body: () => Promise<void>): Promise<unknown[]> {
  const unheard: unknown[] = [];
  const listeners = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (error) => unheard.push(error));
  try {
    await body();
    await synchronize();
    await nextTurn();
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const listener of listeners) process.on('unhandledRejection', listener);
  }
  return unheard;
}

describe('a chain of operations', () => {
  it('gives the numbers that its operations give one by one', async () => {
    const x = await Tensor.randn([4, 6]);
    const y = await Tensor.randn([3, 8]);
    const shifted = await x.sub(1);
    const reshaped = await shifted.reshape([3, 8]);
    const expected = await reshaped.matmul(await y.transpose(0, 1));
    assert.ok(await x.sub(1).reshape([3, 8]).matmul(y.transpose(0, 1)).equal(expected));
  });

  it('begins with a tensor or with its creation', async () => {
    const labels = await Tensor.from([0, 1, 2], [3], { dtype: 'int64' });
    assert.deepEqual(
      await Tensor.zeros([3, 2])
        .add(labels.sub(1).reshape([3, 1]))
        .toArray(),
      [-1, -1, 0, 0, 1, 1],
    );
    assert.deepEqual(await Tensor.cat([labels, labels.neg()]).toArray(), [0, 1, 2, 0, -1, -2]);
    assert.deepEqual(await Tensor.stack([labels, labels]).sum(0).toArray(), [0, 2, 4]);
    assert.deepEqual(await Tensor.where(labels.gt(0), labels.mul(2), labels).toArray(), [0, 2, 4]);
  });

  it('ends in a number, an array, an answer, several tensors or a gradient', async () => {
    const x = await Tensor.from([3, 1, 2]);
    assert.equal(await x.add(1).sum().item(), 9);
    assert.deepEqual(await x.neg().toTypedArray(), Float32Array.of(-3, -1, -2));
    assert.equal(await x.add(1).equal(x.sub(-1)), true);
    assert.equal(await x.add(1).allClose(x.add(1.1)), false);
    assert.deepEqual(await (await x.add(1).topk(2)).values.toArray(), [4, 3]);
    assert.deepEqual(await (await x.add(1).sort()).indices.toArray(), [1, 2, 0]);
    assert.deepEqual(
      (await x.add(1).split(2)).map(({ shape }) => shape),
      [[2], [1]],
    );
    x.requiresGrad = true;
    await x.mul(x).sum().backward();
    assert.deepEqual(await (await x.grad())?.toArray(), [6, 2, 4]);
    await x.zeroGrad();
    await x.mul(2).backward({ gradient: Tensor.ones([3]).mul(5) });
    assert.deepEqual(await (await x.grad())?.toArray(), [10, 10, 10]);
    assert.equal(await x.detach().grad(), null);
  });

  it('runs in its place in the order of the calls', async () => {
    const x = await Tensor.from([1, 2]);
    const before = x.mul(10).add(x);
    const changed = x.fill(0);
    const after = x.mul(10).add(x);
    assert.deepEqual(await before.toArray(), [11, 22]);
    assert.deepEqual(await after.toArray(), [0, 0]);
    await changed;
  });

  it('needs its operands for the time of the call only', async () => {
    const [x, y] = await Promise.all([Tensor.from([1, 2]), Tensor.from([3, 4])]);
    const shape = [2, 1];
    const result = x.mul(y).reshape(shape).add(y);
    x.dispose();
    y.dispose();
    shape[0] = 7;
    assert.deepEqual(await result.toArray(), [6, 7, 11, 12]);
  });

  it('frees its intermediates, in a scope and outside', async () => {
    await leavesNoTensors(async () => {
      const x = await Tensor.ones([100]);
      const { count } = liveTensors();
      const y = await x
        .sub(1)
        .reshape([10, 10])
        .add(x.reshape([10, 10]))
        .exp()
        .sum(0);
      assert.equal(liveTensors().count, count + 1, 'only the end is left');
      y.dispose();
      assert.equal(await x.add(1).mul(2).sum().item(), 400);
      assert.equal(liveTensors().count, count);
      await scope(async () => {
        await x.sub(1).exp().sum();
        assert.equal(liveTensors().count, count + 1);
      });
      x.dispose();
    });
  });

  it('changes tensors in place', async () => {
    const x = await Tensor.from([1, 2]);
    assert.equal(await x.addInPlace(1).mulInPlace(x), x, 'resolves to the tensor that it changes');
    assert.deepEqual(await x.toArray(), [4, 9]);
    assert.deepEqual(await x.mul(2).addInPlace(x.neg()).toArray(), [4, 9]);
    assert.equal(await x.subInPlace(Tensor.ones([2])), x);
    assert.deepEqual(await x.divInPlace(3).toArray(), [1, 8 / 3].map(Math.fround));
  });

  it('can be awaited in the middle as well, in the turn of the call', async () => {
    const middle = (await Tensor.ones([2])).add(1);
    const end = middle.mul(3);
    const [a, b] = await Promise.all([middle, end]);
    assert.deepEqual(await a.toArray(), [2, 2]);
    assert.deepEqual(await b.toArray(), [6, 6]);
    assert.deepEqual(await middle.sub(2).toArray(), [0, 0], 'and goes on from there');
  });

  it('says that an intermediate is gone', async () => {
    const middle = Tensor.ones([2]).add(1);
    const end = middle.mul(3);
    assert.deepEqual(await end.toArray(), [6, 6]);
    await rejects(middle, 'ERR_DISPOSED', /await it first/);
    await rejects(middle.add(1), 'ERR_DISPOSED', /await it first/);
    const kept = Tensor.ones([2]).add(1);
    await synchronize();
    assert.deepEqual(await kept.toArray(), [2, 2], 'not where nothing had used it before');
  });

  it('is recorded, or not, as it is where each operation is called', async () => {
    const x = await Tensor.ones([2]);
    x.requiresGrad = true;
    const plain = x.mul(2);
    assert.equal((await noGrad(() => plain.mul(3))).requiresGrad, false);
    const detached = noGrad(() => x.mul(2));
    assert.equal((await detached.mul(x)).requiresGrad, true);
    const late = nextTurn().then(() => Tensor.ones([2]));
    assert.equal((await noGrad(() => x.mul(late))).requiresGrad, false);
    const waiting = x.mul(nextTurn(x));
    const [recorded, unrecorded] = await Promise.all([waiting, noGrad(() => waiting.mul(2))]);
    assert.deepEqual([recorded.requiresGrad, unrecorded.requiresGrad], [true, false]);
  });

  describe('that fails', () => {
    it('rejects at its end, once, with the error of the first operation', async () => {
      const x = await Tensor.ones([6]);
      const unheard = await unheardRejections(async () => {
        const expected = { code: 'ERR_SHAPE', message: /shape '\[4, 4\]' is invalid/ };
        await assert.rejects(x.reshape([4, 4]).add(1).mul(x).sum(), expected);
        await assert.rejects(x.reshape([4, 4]).add(1).item(), expected);
        await assert.rejects(x.add(x.reshape([4, 4]).neg()), expected);
        await rejects(x.reshape('4' as never).add(1), 'ERR_ARGUMENT');
        await rejects(
          x
            .add(1)
            .add(undefined as never)
            .mul(2),
          'ERR_ARGUMENT',
          /operand/,
        );
        const failed = x.reshape([4, 4]);
        await assert.rejects(failed, expected);
        await assert.rejects(failed.add(1), expected);
      });
      assert.deepEqual(unheard, []);
    });

    it('is heard of where nobody awaits it', async () => {
      const x = await Tensor.ones([6]);
      const unheard = await unheardRejections(async () => {
        void x.reshape([4, 4]);
        void x.reshape([5, 5]).add(1);
        await synchronize();
        await nextTurn();
      });
      assert.equal(unheard.length, 2);
    });

    it('leaves nothing behind', async () => {
      await leavesNoTensors(async () => {
        const x = await Tensor.ones([6]);
        await rejects(x.add(1).reshape([4, 4]).mul(x.neg()), 'ERR_SHAPE');
        await rejects(x.add(1).matmul(3 as never), 'ERR_ARGUMENT');
        x.dispose();
      });
    });

    it('tells where it was awaited', async () => {
      const awaitsIt = async (): Promise<unknown> => await Tensor.ones([6]).reshape([4, 4]).add(1);
      await assert.rejects(awaitsIt(), (error: Error) => {
        assert.match(String(error.stack), /awaitsIt/);
        return true;
      });
    });
  });

  describe('with operands that are other promises', () => {
    const later = async (values: number[]): Promise<Tensor> => {
      await nextTurn();
      return Tensor.from(values);
    };

    it('goes on when they are there', async () => {
      const x = await Tensor.from([1, 2]);
      assert.deepEqual(
        await x
          .add(later([3, 4]))
          .mul(2)
          .toArray(),
        [8, 12],
      );
      assert.deepEqual(
        await Tensor.cat([later([1]), x, x.neg(), later([9])]).toArray(),
        [1, 1, 2, -1, -2, 9],
      );
      assert.equal(await x.mul(2).equal(later([2, 4])), true);
      await x.copyFrom(later([5, 6]));
      assert.deepEqual(await x.toArray(), [5, 6]);
      assert.equal(await x.addInPlace(later([1, 1])), x);
    });

    it('holds what was there before, which may be disposed of', async () => {
      const [a, b] = await Promise.all([later([3, 4]), later([1])]);
      await leavesNoTensors(async () => {
        const x = await Tensor.from([1, 2]);
        const sum = x.mul(10).add(nextTurn(a));
        const total = x.sum().add(nextTurn(b)).item();
        x.dispose();
        assert.deepEqual(await sum.sub(1).toArray(), [12, 23]);
        assert.equal(await total, 4);
      });
    });

    it('takes its place in the order when the last of them is there', async () => {
      const x = await Tensor.from([1, 2]);
      const promise = later([10, 20]);
      const sum = x.add(promise);
      await x.mulInPlace(5);
      const arrived = await promise;
      const changed = x.fill(0);
      arrived.dispose();
      assert.deepEqual(await sum.toArray(), [15, 30]);
      await changed;
    });

    it('fails with them, once', async () => {
      const x = await Tensor.ones([2]);
      const unheard = await unheardRejections(async () => {
        const broken = nextTurn().then((): Promise<Tensor> => Promise.reject(new Error('no such tensor')));
        await assert.rejects(x.add(broken).mul(2).sum(), /no such tensor/);
        await assert.rejects(Tensor.cat([broken, broken]), /no such tensor/);
        await assert.rejects(x.equal(broken), /no such tensor/);
        await rejects(x.reshape([5]).add(later([1])), 'ERR_SHAPE');
        await rejects(x.add(nextTurn('a string') as never), 'ERR_ARGUMENT', /operand/);
        const disposed = nextTurn().then(async () => {
          const tensor = await Tensor.ones([2]);
          tensor.dispose();
          return tensor;
        });
        await rejects(x.add(disposed), 'ERR_DISPOSED');
      });
      assert.deepEqual(unheard, []);
    });
  });

  it('is of promises that are like any other', async () => {
    const x = await Tensor.ones([2]);
    const sum = x.add(1);
    assert.ok(sum instanceof Promise && sum instanceof TensorPromise);
    assert.ok(!(sum.then(() => 1) instanceof TensorPromise));
    const returned = async (): Promise<Tensor> => x.add(2);
    const [a, b, c] = await Promise.all([sum, returned(), x.add(3).finally(() => undefined)]);
    assert.deepEqual(await Tensor.stack([a, b, c]).select(1, 0).toArray(), [2, 3, 4]);
    assert.equal(await x.reshape([9]).catch(() => 'caught'), 'caught');
    assert.deepEqual(await new TensorPromise((resolve) => resolve(x)).add(1).toArray(), [2, 2]);
  });
});
