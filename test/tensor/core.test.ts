import assert from 'node:assert/strict';

import { IResNet, Tensor, liveTensors, synchronize } from '../../lib';
import { collectGarbage } from '../support/tensors';

describe('memory of tensors', () => {
  it('is told to V8, which collects what was forgotten', async () => {
    await collectGarbage();
    const before = liveTensors().count;
    const tensors = 100;
    for (let i = 0; i < tensors; i++) {
      Tensor.empty([1 << 23]); // 32 MB that nobody writes to; V8 sees some hundred bytes
      await synchronize();
      await new Promise((resolve) => setImmediate(resolve)); // finalizers run between events
    }
    const left = liveTensors().count - before;
    assert.ok(left < 0.9 * tensors, `${left} of ${tensors} are still there`);
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
