import assert from 'node:assert/strict';

import { Tensor } from '../../lib';
import { clipGradients, gradientNorm } from '../../lib/optim/clip';
import { noteNotFinite, nothingFound, readNumbers } from '../../lib/optim/decision';
import { rejects } from '../support/assert';
import { leavesNoTensors, parameter } from '../support/tensors';

describe('the decision whether a step is taken', () => {
  it('counts what is not finite, and is read with other numbers in one go', async () => {
    const found = await nothingFound();
    await noteNotFinite(found, [await Tensor.ones([2, 2]), await Tensor.from([1], [], { dtype: 'float64' })]);
    assert.equal(await found.item(), 0);
    await noteNotFinite(found, [await Tensor.from([1, NaN, Infinity]), await Tensor.from([-Infinity])]);
    const third = await Tensor.from([1 / 3], undefined, { dtype: 'float64' });
    assert.deepEqual(await readNumbers([found, third]), [3, 1 / 3]);
    await rejects(readNumbers([await Tensor.ones([2])]), 'ERR_SHAPE');
    await rejects(noteNotFinite(third, []), 'ERR_DTYPE');
  });

  it('has norms that stay where the gradients are', async () => {
    const p = await parameter([3, 4], 'float32');
    await (await (await p.mul(p)).sum()).backward(); // 2 p
    assert.deepEqual(await readNumbers([await gradientNorm([p]), await clipGradients([p], 1)]), [10, 10]);
    const [clipped] = await readNumbers([await gradientNorm([p])]);
    assert.ok(Math.abs((clipped as number) - 1) < 1e-6);
  });

  it('leaves no tensors behind', async () => {
    const p = await parameter([3, 4], 'float32');
    await leavesNoTensors(async () => {
      const tensors = [await nothingFound(), await gradientNorm([p]), await clipGradients([p], 1)];
      for (const tensor of tensors) tensor.dispose();
    });
  });
});
