import assert from 'node:assert/strict';

import { ArcFaceHead, CombinedMarginHead, KappaFaceHead, SGD, Tensor, manualSeed, noGrad } from '../../lib';
import type { MarginHead, ArcFaceHeadOptions } from '../../lib';
import { close, closeRelative, rejects } from '../support/assert';
import { gradient, leavesNoTensors } from '../support/tensors';

const numClasses = 700;
const embeddingSize = 24;

async function batch(size: number, seed: number): Promise<{ embeddings: Tensor; labels: Tensor }> {
  await manualSeed(seed);
  const embeddings = await Tensor.randn([size, embeddingSize]);
  embeddings.requiresGrad = true;
  return { embeddings, labels: await Tensor.randint(0, numClasses, [size]) };
}

interface Trained {
  losses: number[];
  centres: number[];
  velocity: number[];
  embeddingGradient: number[];
}

/** A few steps of training the centres alone, with two backward passes for each step. */
async function train(options: Partial<ArcFaceHeadOptions>, nesterov = false, passes = 2): Promise<Trained> {
  await manualSeed(11);
  const head = new ArcFaceHead({ numClasses, embeddingSize, precision: 'float32', ...options });
  const optimizer = new SGD(head.parameters(), { lr: 0.5, momentum: 0.9, weightDecay: 1e-3, nesterov });
  const losses: number[] = [];
  let embeddingGradient: number[] = [];
  for (let step = 0; step < 4; step++) {
    for (let pass = 0; pass < passes; pass++) {
      const { embeddings, labels } = await batch(16 + pass, 100 * step + pass);
      const loss = await (await head.forward(embeddings, labels)).div(passes);
      await loss.backward();
      losses.push(await loss.item());
      embeddingGradient = await gradient(embeddings);
    }
    await optimizer.step();
    await optimizer.zeroGrad();
  }
  const velocity = await (optimizer.stateDict().get('velocity.0') as Tensor).toArray();
  const centres = await head.centres.toArray();
  head.dispose();
  optimizer.dispose();
  return { losses, centres, velocity, embeddingGradient };
}

describe('fused update', () => {
  for (const nesterov of [false, true]) {
    it(`gives the numbers of the separate steps${nesterov ? ' with nesterov' : ''}`, async () => {
      const separate = await train({ fusedUpdate: false }, nesterov);
      const fused = await train({ fusedUpdate: true }, nesterov);
      closeRelative(fused.losses, separate.losses, 1e-5, 'losses');
      closeRelative(fused.centres, separate.centres, 1e-5, 'centres');
      closeRelative(fused.velocity, separate.velocity, 1e-5, 'velocities');
      closeRelative(fused.embeddingGradient, separate.embeddingGradient, 1e-5, 'gradient of the embeddings');
    });
  }

  it('is the same in float64 to the last digits', async () => {
    const make = (fusedUpdate: boolean): MarginHead =>
      new ArcFaceHead({ numClasses: 5, embeddingSize: 6, dtype: 'float64', fusedUpdate });
    const results: number[][] = [];
    for (const fusedUpdate of [false, true]) {
      await manualSeed(4);
      const head = make(fusedUpdate);
      const optimizer = new SGD(head.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 1e-3 });
      for (let step = 0; step < 3; step++) {
        const embeddings = await (await Tensor.randn([7, 6])).to('float64');
        const labels = await Tensor.from([0, 1, 2, 3, 4, 0, 1], undefined, { dtype: 'int64' });
        await (await head.forward(embeddings, labels)).backward();
        await optimizer.step();
        await optimizer.zeroGrad();
      }
      results.push(await head.centres.toArray());
    }
    closeRelative(results[1] as number[], results[0] as number[], 1e-12, 'centres');
  });

  it('keeps, recomputes and mixes both to the same bits', async () => {
    const kept = await train({ fusedUpdate: true });
    for (const memoryBudget of [0, 120_000]) {
      assert.deepEqual(await train({ fusedUpdate: true, memoryBudget }), kept);
    }
  });

  it('changes nothing where the step is left out, and a step without a backward pass moves nothing', async () => {
    const head = new ArcFaceHead({ numClasses, embeddingSize, fusedUpdate: true });
    const optimizer = new SGD(head.parameters(), { lr: 0.5, momentum: 0.9, weightDecay: 1e-3 });
    const before = await head.centres.toArray();
    const { embeddings, labels } = await batch(8, 1);
    await (await head.forward(embeddings, labels)).backward();
    await optimizer.zeroGrad(); // as after a loss that was not finite
    await optimizer.step();
    await noGrad(async () => head.forward(embeddings, labels));
    await optimizer.step();
    assert.deepEqual(await head.centres.toArray(), before);
    assert.equal(await head.centres.grad(), null);
  });

  it('leaves no tensors behind, also where a pass never comes back', async () => {
    await leavesNoTensors(async () => {
      const head = new ArcFaceHead({ numClasses, embeddingSize, fusedUpdate: true });
      const optimizer = new SGD(head.parameters(), { lr: 0.5 });
      const { embeddings, labels } = await batch(8, 1);
      const loss = await head.forward(embeddings, labels);
      await loss.backward();
      for (const tensor of [loss, embeddings, labels]) tensor.dispose();
      optimizer.dispose();
      head.dispose();
      head.dispose();
    });
  });

  it('says that a disposed head is one', async () => {
    const head = new ArcFaceHead({ numClasses, embeddingSize, fusedUpdate: true });
    const { embeddings, labels } = await batch(2, 1);
    head.dispose();
    await rejects(head.forward(embeddings, labels), 'ERR_DISPOSED');
  });
});

describe('products in bfloat16', () => {
  it('stay near float32: loss and gradients', async () => {
    const results: { loss: number; embeddings: number[]; centres: number[] }[] = [];
    for (const precision of ['float32', 'bfloat16'] as const) {
      await manualSeed(11);
      const head = new ArcFaceHead({ numClasses, embeddingSize, precision, fusedUpdate: false });
      const { embeddings, labels } = await batch(16, 1);
      const loss = await head.forward(embeddings, labels);
      await loss.backward();
      results.push({
        loss: await loss.item(),
        embeddings: await gradient(embeddings),
        centres: await gradient(head.centres),
      });
    }
    const [exact, bf16] = results as [(typeof results)[0], (typeof results)[0]];
    closeRelative([bf16.loss], [exact.loss], 5e-3, 'loss');
    closeRelative(bf16.embeddings, exact.embeddings, 5e-2, 'gradient of the embeddings');
    closeRelative(bf16.centres, exact.centres, 5e-2, 'gradient of the centres');
  });

  it('needs float32 centres', () => {
    assert.throws(() => new ArcFaceHead({ numClasses, precision: 'bfloat16', dtype: 'float64' }), {
      code: 'ERR_ARGUMENT',
    });
  });
});

describe('PartialFC', () => {
  const options = { sampleRate: 0.1, fusedUpdate: true, seed: 3 };

  it('moves the sampled centres and velocities alone, the classes of the batch among them', async () => {
    const head = new ArcFaceHead({ numClasses, embeddingSize, ...options });
    const optimizer = new SGD(head.parameters(), { lr: 0.5, momentum: 0.9, weightDecay: 1e-2 });
    const before = await head.centres.toArray();
    const { embeddings, labels } = await batch(8, 1);
    await (await head.forward(embeddings, labels)).backward();
    await optimizer.step();
    const after = await head.centres.toArray();
    const velocity = await (optimizer.stateDict().get('velocity.0') as Tensor).toArray();
    const moved = new Set<number>();
    for (let i = 0; i < after.length; i++) {
      const row = Math.floor(i / embeddingSize);
      if (after[i] !== before[i]) moved.add(row);
      if (velocity[i] !== 0) moved.add(row);
    }
    assert.equal(moved.size, 70);
    for (const label of await labels.toArray()) assert.ok(moved.has(Number(label)));
  });

  it('uses the margins of the global classes, whatever was drawn', async () => {
    // A head of one sampled batch: its loss is that of a full head over the same rows.
    await manualSeed(5);
    const head = new KappaFaceHead({
      samplesPerClass: new Array<number>(numClasses).fill(3),
      embeddingSize,
      concentration: { kind: 'memory' },
      ...options,
      sampleRate: 0.004, // two classes: no room for negatives beside three labels
    });
    await head.margins.copyFrom(
      await Tensor.from(Float32Array.from({ length: numClasses }, (_, i) => (i % 10) / 12)),
    );
    const labels = [699, 17, 345];
    const { embeddings } = await batch(3, 2);
    const loss = await head.forward(embeddings, await Tensor.from(labels, undefined, { dtype: 'int64' }));
    const full = new ArcFaceHead({ numClasses: 3, embeddingSize });
    const rows = await Tensor.from(labels, undefined, { dtype: 'int64' });
    await full.centres.copyFrom(await (await head.centres.detach()).indexSelect(0, rows));
    await full.margins.copyFrom(await head.margins.indexSelect(0, rows));
    const local = await Tensor.from([0, 1, 2], undefined, { dtype: 'int64' });
    close([await loss.item()], [await (await full.forward(embeddings, local)).item()], 1e-4);
  });

  it('draws by seed and step, and goes on exactly from a saved state', async () => {
    const make = (): { head: MarginHead; optimizer: SGD } => {
      const head = new ArcFaceHead({ numClasses, embeddingSize, ...options });
      return { head, optimizer: new SGD(head.parameters(), { lr: 0.5, momentum: 0.9 }) };
    };
    const steps = async ({ head, optimizer }: ReturnType<typeof make>, from: number, to: number) => {
      const losses: number[] = [];
      for (let step = from; step < to; step++) {
        const { embeddings, labels } = await batch(8, step);
        const loss = await head.forward(embeddings, labels);
        await loss.backward();
        await optimizer.step();
        losses.push(await loss.item());
      }
      return losses;
    };
    await manualSeed(9);
    const first = make();
    await steps(first, 0, 3);
    const resumed = make();
    const copy = async (tensors: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>> =>
      new Map(
        await Promise.all([...tensors].map(async ([name, tensor]) => [name, await tensor.clone()] as const)),
      );
    await resumed.head.loadStateDict(await noGrad(() => copy(first.head.stateDict())));
    await resumed.optimizer.loadStateDict(await copy(first.optimizer.stateDict()));
    const expected = await steps(first, 3, 6);
    assert.deepEqual(await steps(resumed, 3, 6), expected);
    assert.deepEqual(await resumed.head.centres.toArray(), await first.head.centres.toArray());
    assert.ok(first.head.stateDict().has('samplerStep'));
  });

  it('covers all classes where no gradient is wanted', async () => {
    await manualSeed(9);
    const head = new ArcFaceHead({ numClasses, embeddingSize, ...options });
    const { embeddings, labels } = await batch(8, 1);
    const sampled = await (await head.forward(embeddings, labels)).item();
    const whole = await noGrad(async () => (await head.forward(embeddings, labels)).item());
    assert.ok(whole > sampled);
  });

  it('says what it needs', () => {
    assert.throws(() => new ArcFaceHead({ numClasses, sampleRate: 0.1, fusedUpdate: false }), {
      code: 'ERR_ARGUMENT',
      message: /fusedUpdate: expected true where sampleRate is below 1/,
    });
    assert.throws(() => new ArcFaceHead({ numClasses, sampleRate: 0 }), {
      code: 'ERR_ARGUMENT',
    });
    assert.throws(() => new ArcFaceHead({ numClasses, sampleRate: 1.5 }), {
      code: 'ERR_ARGUMENT',
    });
  });
});

describe('CombinedMarginHead', () => {
  it('is ArcFace and CosFace at their margins', async () => {
    const { embeddings, labels } = await batch(8, 1);
    const lossOf = async (head: MarginHead): Promise<number> => {
      await head.centres.copyFrom(centres);
      return (await head.forward(embeddings, labels)).item();
    };
    const centres = await Tensor.randn([numClasses, embeddingSize]);
    const size = { numClasses, embeddingSize };
    const arc = await lossOf(new ArcFaceHead({ ...size, margin: 0.4 }));
    assert.equal(await lossOf(new CombinedMarginHead({ ...size, margin: 0.4 })), arc);
    const both = await lossOf(new CombinedMarginHead({ ...size, margin: 0.4, cosineMargin: 0.2 }));
    assert.ok(both > arc);
    assert.ok((await lossOf(new CombinedMarginHead({ ...size, margin: 0.4, angleFactor: 1.2 }))) > arc);
    assert.throws(() => new CombinedMarginHead({ ...size, angleFactor: 0.5 }), { code: 'ERR_ARGUMENT' });
  });
});
