import assert from 'node:assert/strict';

import type { TensorHandle } from '../../lib/native/contract';
import { native } from '../../lib/native/load';
import { leavesNoTensors } from '../support/tensors';

describe('the promise of a tensor', () => {
  const addon = native();
  const values = async (tensor: TensorHandle | Promise<TensorHandle>): Promise<number[]> =>
    Array.from((await addon.toHost(tensor)) as Float32Array);
  const ofNumbers = (...numbers: number[]): Promise<TensorHandle> =>
    addon.fromHost(Float32Array.from(numbers), [numbers.length], 'float32');
  const disposeAll = async (promises: Promise<TensorHandle>[]): Promise<void> => {
    for (const handle of await Promise.all(promises)) addon.dispose(handle);
  };

  it('stands for the tensor in every place of a call that is queued behind it', async () => {
    await leavesNoTensors(async () => {
      const a = ofNumbers(1, 2);
      const b = addon.sub(a, 1);
      const c = addon.cat([a, b, a], 0);
      const large = addon.gt(a, 1);
      const d = addon.where(large, b, a);
      const e = addon.add(a, b);
      assert.deepEqual(await Promise.all([values(b), values(c), values(d), values(e)]), [
        [0, 1],
        [1, 2, 0, 1, 1, 2],
        [1, 1],
        [1, 3],
      ]);
      await disposeAll([a, b, c, large, d, e]);
    });
  });

  it('keeps its place when other handles of its tensor are disposed of', async () => {
    await leavesNoTensors(async () => {
      const a = await ofNumbers(1, 2);
      const b = addon.neg(a);
      addon.dispose(a);
      const c = addon.mul(b, 2);
      assert.deepEqual(await values(c), [-2, -4]);
      await disposeAll([b, c]);
    });
  });

  it('hands its error on, to any depth', async () => {
    await leavesNoTensors(async () => {
      const a = await ofNumbers(1, 2);
      const failed = addon.reshape(a, [7]);
      const joined = addon.cat([a, failed], 0);
      const number = addon.item(joined);
      const expected = { code: 'ERR_SHAPE', message: /shape '\[7\]' is invalid/ };
      await Promise.all([failed, joined, number].map((promise) => assert.rejects(promise, expected)));
      addon.dispose(a);
    });
  });

  it('is refused where it is none of the addon, of something else, settled, or where nothing is queued', async () => {
    const a = await ofNumbers(1);
    const settled = addon.neg(a);
    addon.dispose(await settled);
    const number = addon.item(a);
    const wrong = [Promise.resolve(a), number, addon.split(a, 1, 0), settled, new Promise(() => undefined)];
    for (const promise of wrong) {
      assert.throws(() => addon.add(a, promise as never), { code: 'ERR_ARGUMENT' });
      assert.throws(() => addon.cat([a, promise as never], 0), { code: 'ERR_ARGUMENT' });
      assert.throws(() => addon.backward(a, promise as never, false), { code: 'ERR_ARGUMENT' });
    }
    assert.throws(() => addon.neg(settled), { code: 'ERR_ARGUMENT', message: /settled/ });
    const pending = addon.neg(a);
    assert.throws(() => addon.shape(pending as never), { code: 'ERR_ARGUMENT' });
    assert.throws(() => addon.dispose(pending as never), { code: 'ERR_ARGUMENT' });
    await disposeAll([pending, Promise.resolve(a)]);
    assert.equal(await number, 1);
  });

  it('is not believed when it is marked as another', async () => {
    const a = await ofNumbers(1);
    const pending = addon.neg(a);
    const [mark] = Object.getOwnPropertySymbols(pending);
    assert.ok(mark);
    for (const number of [-1, 0, NaN, 1e300, 'x', {}, undefined]) {
      const forged = Object.assign(Promise.resolve(), { [mark]: number });
      assert.throws(() => addon.neg(forged as never), { code: 'ERR_ARGUMENT' });
    }
    await disposeAll([pending, Promise.resolve(a)]);
  });
});
