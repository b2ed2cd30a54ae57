import assert from 'node:assert/strict';

import { ArcFaceHead, GradScaler, SGD, Tensor, manualSeed } from '../../lib';
import { close, closeRelative } from '../support/assert';
import { parameter } from '../support/tensors';

describe('GradScaler', () => {
  it('scales the loss and takes the factor out of the gradients again', async () => {
    const p = await parameter([1, -2, 3], 'float32');
    const optimizer = new SGD([p], { lr: 0.5, momentum: 0, weightDecay: 0 });
    const scaler = new GradScaler({ initialScale: 1024 });
    const loss = await (await p.mul(await Tensor.from([4, 5, 6]))).sum();
    const scaled = await scaler.scale(loss);
    assert.equal(await scaled.item(), (await loss.item()) * 1024);
    await scaled.backward();
    assert.ok(await scaler.unscale(optimizer));
    assert.ok(await scaler.unscale(optimizer), 'a second time changes nothing');
    close(await ((await p.grad()) as Tensor).toArray(), [4, 5, 6], 0);
    assert.ok(await scaler.step(optimizer));
    close(await p.toArray(), [-1, -4.5, 0], 0);
  });

  it('leaves out a step whose gradients overflowed, and lowers the factor; good steps raise it', async () => {
    const p = await parameter([1], 'float32');
    const optimizer = new SGD([p], { lr: 0.5, momentum: 0, weightDecay: 0 });
    const scaler = new GradScaler({
      initialScale: 8,
      growthInterval: 2,
      growthFactor: 4,
      backoffFactor: 0.25,
    });
    const step = async (factor: number): Promise<boolean> => {
      await (await scaler.scale(await (await p.mul(factor)).sum())).backward();
      const done = await scaler.step(optimizer);
      await optimizer.zeroGrad();
      scaler.update();
      return done;
    };
    assert.equal(await step(Infinity), false);
    assert.deepEqual(await p.toArray(), [1]);
    assert.deepEqual(scaler.stateDict(), { scale: 2, goodSteps: 0 });
    assert.equal(await step(NaN), false);
    assert.deepEqual(scaler.stateDict(), { scale: 0.5, goodSteps: 0 });
    assert.equal(await step(1), true);
    assert.deepEqual(scaler.stateDict(), { scale: 0.5, goodSteps: 1 });
    assert.equal(await step(1), true);
    assert.deepEqual(scaler.stateDict(), { scale: 2, goodSteps: 0 });
    assert.deepEqual(await p.toArray(), [0]);
    const other = new GradScaler();
    other.loadStateDict(scaler.stateDict());
    assert.deepEqual(other.stateDict(), scaler.stateDict());
  });

  it('gives the numbers of a run without it, centres that the head moves itself among them', async () => {
    const train = async (factor: number | undefined): Promise<number[]> => {
      await manualSeed(3);
      const head = new ArcFaceHead({ numClasses: 40, embeddingSize: 8, fusedUpdate: true });
      const weight = await Tensor.randn([8, 8]);
      weight.requiresGrad = true;
      const optimizer = new SGD([weight, ...head.parameters()], { lr: 0.1, momentum: 0.9 });
      const scaler = factor === undefined ? undefined : new GradScaler({ initialScale: factor });
      for (let i = 0; i < 3; i++) {
        const embeddings = await (await Tensor.randn([6, 8])).matmul(weight);
        const loss = await head.forward(embeddings, await Tensor.randint(0, 40, [6]));
        await (scaler ? await scaler.scale(loss) : loss).backward();
        await (scaler ?? { step: (o: SGD) => o.step() }).step(optimizer);
        await optimizer.zeroGrad();
        scaler?.update();
      }
      return [...(await weight.toArray()), ...(await head.centres.toArray())];
    };
    const plain = await train(undefined);
    assert.deepEqual(await train(1), plain);
    closeRelative(await train(4096), plain, 1e-6);
  });

  for (const looksFirst of [true, false])
    it(`leaves out a step whose centres would get what is not finite (${looksFirst ? 'unscaled before' : 'at once'})`, async () => {
      await manualSeed(3);
      const head = new ArcFaceHead({ numClasses: 10, embeddingSize: 8, fusedUpdate: true });
      const optimizer = new SGD(head.parameters(), { lr: 0.1 });
      const scaler = new GradScaler({ initialScale: 1024 });
      const step = async (factor: number): Promise<boolean> => {
        const embeddings = await Tensor.randn([6, 8]);
        embeddings.requiresGrad = true;
        const loss = await head.forward(embeddings, await Tensor.randint(0, 10, [6]));
        await (await scaler.scale(loss)).mul(factor).backward();
        if (looksFirst) assert.equal(await scaler.unscale(optimizer), Number.isFinite(factor));
        const isMade = await scaler.step(optimizer);
        await optimizer.zeroGrad();
        scaler.update();
        return isMade;
      };
      const centres = (): Promise<number[]> => head.centres.toArray();
      const before = await centres();
      assert.equal(await step(Infinity), false);
      assert.deepEqual(await centres(), before);
      assert.equal(scaler.factor, 512);
      assert.equal(await step(1), true);
      assert.notDeepEqual(await centres(), before);
    });

  it('says what is wrong with its options', () => {
    for (const options of [
      { initialScale: 0 },
      { growthFactor: 1 },
      { backoffFactor: 1 },
      { growthInterval: 0.5 },
    ])
      assert.throws(() => new GradScaler(options), { code: 'ERR_ARGUMENT' });
  });
});
