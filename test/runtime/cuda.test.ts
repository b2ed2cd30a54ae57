import assert from 'node:assert/strict';

import { Tensor, cuda } from '../../lib';
import { rejects } from '../support/assert';

describe('cuda', () => {
  it('tells what there is', async () => {
    const devices = await cuda.devices();
    assert.equal(await cuda.isAvailable(), devices.length > 0);
    if (!cuda.isBuilt()) assert.equal(devices.length, 0);
    for (const { name, computeCapability, memory } of devices) {
      assert.ok(name.length > 0 && memory > 0);
      assert.match(computeCapability, /^\d+\.\d+$/);
    }
    await cuda.emptyCache();
  });

  it('says what is missing where there is no GPU', async function () {
    if (await cuda.isAvailable()) this.skip();
    const tensor = await Tensor.ones([2]);
    await rejects(cuda.memory(), 'ERR_DEVICE');
    await rejects(cuda.resetPeakMemory(), 'ERR_DEVICE');
    await rejects(cuda.synchronize(), 'ERR_DEVICE');
    await rejects(cuda.setStream(1), 'ERR_DEVICE');
    await rejects(tensor.pinMemory(), 'ERR_DEVICE');
    await rejects(tensor.to({ device: 'cuda' }), 'ERR_DEVICE');
    await rejects(tensor.to({ device: 'cuda:7', nonBlocking: true }), 'ERR_DEVICE');
  });
});
