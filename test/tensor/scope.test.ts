import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Tensor, getRandomState, scope, synchronize } from '../../lib';
import { rejects } from '../support/assert';
import { leavesNoTensors } from '../support/tensors';

describe('scope', () => {
  it('gives on what its function returns, be it the promise of a tensor', async () => {
    await leavesNoTensors(async () => {
      const result = await scope(() => Tensor.ones([2]).add(1).mul(3));
      assert.deepEqual(await result.toArray(), [6, 6]);
      result.dispose();
    });
  });

  it('frees what arrives after its end', async () => {
    const x = await Tensor.from([3, 1, 2]);
    await leavesNoTensors(async () => {
      await scope(() => {
        void x.add(1);
        void x.add(1).mul(2).sum();
        void x.topk(2);
        void x.split(1);
        void x.mul(nextTurn(x));
        void getRandomState();
      });
      await nextTurn();
      await synchronize();
      await nextTurn();
    });
  });

  it('explains itself to whoever gets what arrived too late', async () => {
    const x = await Tensor.ones([2]);
    const { sum } = await scope(() => ({ sum: x.add(1) }));
    const late = await sum;
    assert.ok(late.isDisposed);
    await rejects(late.mul(2), 'ERR_DISPOSED', /shape \[2\].*its scope had ended/);
  });

  it('does not own what left-over code computes after its end', async () => {
    await leavesNoTensors(async () => {
      await scope(async () => {
        const [leftOver] = await scope(() => [
          nextTurn().then(async () => {
            assert.deepEqual(await Tensor.ones([2]).add(1).toArray(), [2, 2]);
            return Tensor.empty([3]);
          }),
        ]);
        assert.equal((await leftOver)?.isDisposed, false);
      });
    });
  });

  it('frees what an inner scope gives on after its end', async () => {
    await leavesNoTensors(async () => {
      let inner: Promise<Tensor> | undefined;
      await scope(() => {
        inner = scope(async () => {
          await nextTurn();
          return Tensor.ones([2]);
        });
      });
      assert.equal((await inner)?.isDisposed, true);
    });
  });
});
