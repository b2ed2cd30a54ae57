import assert from 'node:assert/strict';

import { IResNet, Tensor, liveTensors, synchronize } from '../../lib';
import { collectGarbage } from '../support/tensors';

describe('memory of tensors', () => {
  it('is told to the garbage collector, and taken back', async () => {
    await collectGarbage();
    const external = (): number => process.memoryUsage().external;
    const before = external();
    const bytes = 1 << 26;
    const tensor = await Tensor.zeros([bytes / 4]);
    await synchronize();
    assert.ok(external() - before >= bytes, `${external() - before}`);
    tensor.dispose();
    await synchronize();
    assert.ok(external() - before < bytes / 2, `${external() - before}`);
  });

  it('of a network goes when it is disposed of, whoever still computes with it', async () => {
    await collectGarbage();
    const before = liveTensors();
    const network = new IResNet({
      depth: 18,
      widthMultiplier: 0.0625,
      embeddingSize: 4,
      imageSize: 16,
    }).eval();
    const images = await Tensor.zeros([2, 3, 16, 16]);
    const embeddings = network.forward(images);
    network.dispose();
    network.dispose();
    images.dispose();
    const result = await embeddings;
    assert.ok((await result.toArray()).every(Number.isFinite));
    result.dispose();
    assert.deepEqual(liveTensors(), before);
  });
});
