import assert from 'node:assert/strict';

import { SGD, Tensor, synchronize } from '../../lib';
import { rejects } from '../support/assert';
import { gradient } from '../support/tensors';

describe('requiresGrad', () => {
  it('takes its place among the operations', async () => {
    const x = await Tensor.from([1, 2]);
    const before = x.mul(3);
    x.requiresGrad = true;
    const after = x.mul(3);
    const done = after.sum().backward();
    x.requiresGrad = false;
    const last = x.mul(3);
    assert.equal(x.requiresGrad, false, 'what was set last');
    assert.deepEqual(
      (await Promise.all([before, after, last])).map((tensor) => tensor.requiresGrad),
      [false, true, false],
    );
    assert.equal(x.requiresGrad, false);
    await done;
    assert.deepEqual(await gradient(x), [3, 3]);
  });

  it('is said at once, also while much is waiting before it', async () => {
    const x = await Tensor.zeros([4]);
    let isThere = false;
    const busy = Tensor.randn([900, 900])
      .matmul(Tensor.randn([900, 900]))
      .then(() => (isThere = true));
    x.requiresGrad = true;
    assert.equal(x.requiresGrad, true);
    assert.equal(isThere, false, 'nothing was waited for');
    const optimizer = new SGD([x], { lr: 1, momentum: 0, weightDecay: 0 });
    await x.mul(2).sum().backward();
    await optimizer.step();
    assert.deepEqual(await x.toArray(), [-2, -2, -2, -2]);
    await busy;
  });

  it('can be set before the tensor is there', async () => {
    const pending = Tensor.from([1, 2, 3]).mul(2);
    assert.equal(pending.requiresGrad, undefined);
    pending.requiresGrad = true;
    assert.equal(pending.requiresGrad, true);
    const sum = pending.mul(5).sum();
    const x = await pending;
    assert.equal(x.requiresGrad, true);
    assert.ok(x.isLeaf);
    await sum.backward();
    assert.deepEqual(await gradient(x), [5, 5, 5]);
    pending.requiresGrad = false;
    assert.deepEqual([x.requiresGrad, pending.requiresGrad], [false, false]);
  });

  it('can be set where even the operands are not there', async () => {
    const later = new Promise<Tensor>((resolve) => setImmediate(() => resolve(Tensor.from([2, 3]))));
    const pending = Tensor.ones([2]).add(later);
    pending.requiresGrad = true;
    const used = pending.mul(4).sum();
    await used.backward();
    const x = await Tensor.from([2]);
    const alone = Tensor.zeros([1]).add(x);
    alone.requiresGrad = true;
    const y = await alone;
    assert.equal(y.requiresGrad, true);
    await y.mul(7).backward();
    assert.deepEqual(await gradient(y), [7]);
  });

  it('says why it cannot be set', async () => {
    const integers = await Tensor.from([1n]);
    assert.throws(() => (integers.requiresGrad = true), { code: 'ERR_DTYPE', message: /int64/ });
    integers.requiresGrad = false;
    const x = await Tensor.zeros([1]);
    x.requiresGrad = true;
    const y = await x.mul(2);
    assert.throws(() => (y.requiresGrad = false), { code: 'ERR_ARGUMENT', message: /leaf/ });
    const pendingIntegers = Tensor.from([1n]);
    pendingIntegers.requiresGrad = true;
    await rejects(pendingIntegers, 'ERR_DTYPE');
    const pendingResult = x.mul(2);
    pendingResult.requiresGrad = false;
    await rejects(pendingResult, 'ERR_ARGUMENT', /leaf/);
    const failed = x.reshape([5]);
    failed.requiresGrad = true;
    await rejects(failed, 'ERR_SHAPE');
    const gone = await Tensor.zeros([1]);
    gone.dispose();
    assert.throws(() => (gone.requiresGrad = true), { code: 'ERR_DISPOSED' });
    assert.throws(() => gone.requiresGrad, { code: 'ERR_DISPOSED' });
    assert.throws(() => (x.requiresGrad = 'yes' as never), { code: 'ERR_ARGUMENT' });
  });

  it('tells at the next use where an operation before it had made the tensor no leaf', async () => {
    const x = await Tensor.zeros([1]);
    const weight = await Tensor.ones([1]);
    weight.requiresGrad = true;
    void Tensor.randn([700, 700]).matmul(Tensor.randn([700, 700])); // what is queued before takes a while
    const changed = x.addInPlace(weight);
    try {
      x.requiresGrad = false; // a leaf as far as anybody can tell here
    } catch (error) {
      assert.match(String(error), /leaf/); // unless that has run already
      return;
    }
    await changed.catch(() => undefined);
    await synchronize(); // the setting, which is queued behind it, has been answered
    await new Promise((resolve) => setImmediate(resolve));
    await rejects(x.mul(2), 'ERR_ARGUMENT', /leaf/);
  });
});
