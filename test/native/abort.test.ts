import assert from 'node:assert/strict';

import type { TensorHandle } from '../../lib/native/contract';
import { native } from '../../lib/native/load';

describe('abort', () => {
  it('rejects what waits in the queue, and takes new calls', async () => {
    const addon = native();
    const a = await addon.full([1024, 1024], 1e-3, 'float32');
    // Far more than the compute thread does before abort() comes.
    const products: Promise<TensorHandle>[] = [];
    for (let i = 0; i < 200; i++) products.push(addon.matmul(products.at(-1) ?? a, a));
    const last = products.at(-1) as Promise<TensorHandle>;
    const calls: Promise<unknown>[] = [...products, addon.item(last), addon.getThreads()];
    addon.abort('Rank 3 is gone.');
    // What needs the result of a call that will be rejected has its error, too.
    const [needy, fresh] = [addon.neg(last), addon.getThreads()];

    const results = await Promise.allSettled([...calls, needy]);
    const errors = results.map((result) => (result.status === 'rejected' ? (result.reason as Error) : null));
    const first = errors.findIndex((error) => error !== null);
    assert.ok(first >= 0 && first < 100, `${first} calls were made before abort()`);
    for (const error of errors.slice(first)) {
      assert.deepEqual(
        { ...error, name: error?.name, message: error?.message },
        { code: 'ERR_CANCELLED', name: 'KappaError', message: 'Rank 3 is gone.' },
      );
    }
    assert.ok((await fresh) > 0);
  });

  it('does nothing where nothing waits', async () => {
    const addon = native();
    addon.abort('none');
    assert.equal(await addon.item(await addon.full([1], 7, 'float32')), 7);
  });
});
