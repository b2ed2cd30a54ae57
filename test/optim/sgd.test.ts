import assert from 'node:assert/strict';

import { ArcFaceHead, SGD, Tensor, clipGradNorm, manualSeed } from '../../lib';
import { close, rejects } from '../support/assert';
import { gradient, leavesNoTensors, parameter } from '../support/tensors';

/** Gives a parameter this gradient. */
async function setGradient(tensor: Tensor, values: number[]): Promise<void> {
  const weights = await Tensor.from(values, undefined, { dtype: tensor.dtype });
  await (await (await tensor.mul(weights)).sum()).backward();
}

describe('SGD', () => {
  for (const nesterov of [false, true]) {
    it(`follows momentum and weight decay as written${nesterov ? ', with Nesterov' : ''}`, async () => {
      const [lr, momentum, weightDecay] = [0.1, 0.9, 0.01];
      const first = await parameter([1, -2]);
      const second = await parameter([3]);
      const idle = await parameter([5]);
      const optimizer = new SGD([first, second, idle], { lr, momentum, weightDecay, nesterov });
      let expected = [1, -2, 3];
      let velocity = [0, 0, 0];
      for (let step = 1; step <= 4; step++) {
        const g = [0.5 * step, -1, 2 / step];
        await setGradient(first, g.slice(0, 2));
        await setGradient(second, g.slice(2));
        await optimizer.step();
        await optimizer.zeroGrad();
        const decayed = g.map((value, i) => value + weightDecay * (expected[i] as number));
        velocity = velocity.map((v, i) => momentum * v + (decayed[i] as number));
        expected = expected.map(
          (p, i) =>
            p -
            lr *
              (nesterov
                ? (decayed[i] as number) + momentum * (velocity[i] as number)
                : (velocity[i] as number)),
        );
      }
      close([...(await first.toArray()), ...(await second.toArray())], expected, 1e-12);
      assert.deepEqual(await idle.toArray(), [5], 'a parameter without a gradient stays');
    });
  }

  it('works without momentum and takes lr from its schedule', async () => {
    const p = await parameter([1], 'float32');
    const optimizer = new SGD([p], { lr: 0.5, momentum: 0, weightDecay: 0 });
    await setGradient(p, [1]);
    await optimizer.step();
    optimizer.lr = 0.25;
    await optimizer.step();
    close(await p.toArray(), [0.25], 1e-7);
  });

  it('continues from a saved state as if nothing had happened', async () => {
    const run = async (split: boolean): Promise<number[]> => {
      const p = await parameter([1, 2]);
      let optimizer = new SGD([p], { lr: 0.1, momentum: 0.9 });
      for (let step = 0; step < 4; step++) {
        if (split && step === 2) {
          const other = new SGD([p], { lr: 0.1, momentum: 0.9 });
          await other.loadStateDict(optimizer.stateDict());
          optimizer = other;
        }
        await setGradient(p, [1, step]);
        await optimizer.step();
        await optimizer.zeroGrad();
      }
      return p.toArray();
    };
    assert.deepEqual(await run(true), await run(false));
  });

  it('refuses options out of range and states that do not fit', async () => {
    const p = await parameter([1]);
    assert.throws(() => new SGD([p], { lr: -1 }), { code: 'ERR_ARGUMENT' });
    assert.throws(() => new SGD([p], { lr: 1, momentum: 1 }), { code: 'ERR_ARGUMENT' });
    assert.throws(() => new SGD([], { lr: 1 }), { code: 'ERR_ARGUMENT' });
    const optimizer = new SGD([p], { lr: 1 });
    await rejects(
      optimizer.loadStateDict(new Map([['velocity.0', await Tensor.ones([2])]])),
      'ERR_CHECKPOINT',
      /\[2\] instead of \[1\]/,
    );
    await rejects(optimizer.loadStateDict(new Map()), 'ERR_CHECKPOINT', /missing/);
  });

  it('clips the joint norm of all gradients and leaves small and non-finite ones alone', async () => {
    const [a, b] = [await parameter([0, 0]), await parameter([0])];
    await setGradient(a, [3, 0]);
    await setGradient(b, [4]);
    assert.equal(await clipGradNorm([a, b], 10), 5);
    close(await gradient(a), [3, 0], 1e-12);
    assert.equal(await clipGradNorm([a, b], 1), 5);
    close([...(await gradient(a)), ...(await gradient(b))], [0.6, 0, 0.8], 1e-5);
    await setGradient(b, [NaN]);
    assert.ok(Number.isNaN(await clipGradNorm([a, b], 1)));
    await rejects(clipGradNorm([a], 0), 'ERR_ARGUMENT');
  });

  it('moves nothing where something was found that is not finite, centres of a fused head among it', async () => {
    await manualSeed(4);
    const head = new ArcFaceHead({ numClasses: 6, embeddingSize: 4, fusedUpdate: true });
    const weight = await Tensor.randn([4, 4]);
    weight.requiresGrad = true;
    const optimizer = new SGD([weight, ...head.parameters()], { lr: 0.1, momentum: 0.9 });
    const everything = async (): Promise<number[]> => {
      const tensors = [weight, head.centres, ...optimizer.stateDict().values()];
      return (await Promise.all(tensors.map((tensor) => tensor.toArray()))).flat();
    };
    const step = async (found: number): Promise<void> => {
      const embeddings = await (await Tensor.randn([3, 4])).matmul(weight);
      await (await head.forward(embeddings, await Tensor.randint(0, 6, [3]))).backward();
      await optimizer.step(await Tensor.from([found]));
      await optimizer.zeroGrad();
    };
    await step(0);
    const before = await everything();
    for (const found of [1, 3]) {
      await step(found);
      assert.deepEqual(await everything(), before);
    }
    await step(0);
    const after = await everything();
    assert.ok(after.every((value, i) => value !== before[i] || value === 0));
    const plain = new SGD([weight]);
    await (await weight.sum()).backward();
    await rejects(plain.step(await Tensor.from([0, 0])), 'ERR_SHAPE', /one number/);
    await rejects(plain.step(await Tensor.from([0], undefined, { dtype: 'int64' })), 'ERR_DTYPE');
  });

  it('leaves no tensors behind', async () => {
    await leavesNoTensors(async () => {
      const p = await Tensor.ones([3]);
      p.requiresGrad = true;
      const optimizer = new SGD([p], { lr: 0.1, momentum: 0.9 });
      const loss = await p.sum();
      await loss.backward();
      await optimizer.step();
      for (const thing of [p, optimizer, loss]) thing.dispose();
    });
  });
});
