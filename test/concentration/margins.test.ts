import assert from 'node:assert/strict';

import { IResNet, KappaFaceHead, MomentumEncoder, Tensor, computeClassMargins, manualSeed } from '../../lib';
import { close, closeRelative, golden, rejects } from '../support/assert';

interface GoldenConcentration {
  dim: number;
  numClasses: number;
  temperature: number;
  gamma: number;
  features: number[][];
  labels: number[];
  samplesPerClass: number[];
  meanResultantLength: number[];
  kappa: number[];
  kappaDebiased: number[];
  concentrationWeight: number[];
  populationWeight: number[];
  classMarginScale: number[];
  classMarginScaleDebiased: number[];
}

/** Sums of unit vectors and their number for each class, in plain numbers. */
function classSums(
  features: number[][],
  labels: number[],
  numClasses: number,
): { sums: number[][]; counts: number[] } {
  const dim = features[0]?.length ?? 0;
  const sums = Array.from({ length: numClasses }, () => new Array<number>(dim).fill(0));
  const counts = new Array<number>(numClasses).fill(0);
  features.forEach((x, i) => {
    const c = labels[i] as number;
    const length = Math.hypot(...x);
    x.forEach(
      (value, d) => ((sums[c] as number[])[d] = ((sums[c] as number[])[d] as number) + value / length),
    );
    counts[c] = (counts[c] as number) + 1;
  });
  return { sums, counts };
}

async function margins(
  sums: number[][],
  counts: number[],
  samples: number[],
  rule = {},
): Promise<Record<string, number[]>> {
  const result = await computeClassMargins(
    await Tensor.from(sums, undefined, { dtype: 'float64' }),
    await Tensor.from(counts, undefined, { dtype: 'int64' }),
    await Tensor.from(samples, undefined, { dtype: 'float64' }),
    rule,
  );
  const entries = await Promise.all(
    Object.entries(result).map(async ([name, t]) => [name, await (t as Tensor).toArray()] as const),
  );
  return Object.fromEntries(entries);
}

const labelsOf = (values: number[]): Promise<Tensor> => Tensor.from(values, undefined, { dtype: 'int64' });

describe('concentration and margins', () => {
  golden<GoldenConcentration[]>('concentration.json').forEach((example, i) => {
    it(`give the golden numbers of example ${i + 1}, plain and debiased`, async () => {
      const { sums, counts } = classSums(example.features, example.labels, example.numClasses);
      const { temperature, gamma } = example;
      const plain = await margins(sums, counts, example.samplesPerClass, { temperature, gamma });
      closeRelative(plain.meanResultantLength ?? [], example.meanResultantLength, 1e-9);
      closeRelative(plain.kappa ?? [], example.kappa, 1e-9);
      closeRelative(plain.concentrationWeight ?? [], example.concentrationWeight, 1e-9);
      closeRelative(plain.populationWeight ?? [], example.populationWeight, 1e-9);
      closeRelative(plain.marginScale ?? [], example.classMarginScale, 1e-9);
      const debiased = await margins(sums, counts, example.samplesPerClass, {
        temperature,
        gamma,
        debias: true,
      });
      closeRelative(debiased.kappa ?? [], example.kappaDebiased, 1e-9);
      closeRelative(debiased.marginScale ?? [], example.classMarginScaleDebiased, 1e-9);
    });
  });

  it("swap gamma and take K = max n in the paper's convention", async () => {
    const sums = [
      [1.8, 0],
      [1, 1],
      [2, 1],
    ];
    const counts = [2, 2, 3];
    const official = await margins(sums, counts, [2, 2, 3], { gamma: 0.7 });
    const paper = await margins(sums, counts, [2, 2, 3], { gamma: 0.7, convention: 'paper' });
    close(
      paper.populationWeight ?? [],
      [2, 2, 3].map((n) => (Math.cos((Math.PI * n) / 3) + 1) / 2),
      1e-12,
    );
    close(paper.concentrationWeight ?? [], official.concentrationWeight ?? [], 1e-15);
    const expected = (paper.populationWeight ?? []).map(
      (ws, c) => 0.7 * ws + 0.3 * (paper.concentrationWeight?.[c] ?? 0),
    );
    close(paper.marginScale ?? [], expected, 1e-12);
  });

  it('are finite and neutral for singletons, unseen classes, identical images and equal classes', async () => {
    const result = await margins(
      [
        [1, 0],
        [0, 0],
        [5, 0],
        [1, 1],
        [1.5, 1],
      ],
      [1, 0, 5, 2, 2],
      [1, 1, 5, 2, 2],
    );
    for (const values of Object.values(result))
      assert.ok(values.every(Number.isFinite), JSON.stringify(result));
    const mean = ((result.kappa?.[3] as number) + (result.kappa?.[4] as number)) / 2;
    closeRelative([result.kappa?.[0] ?? 0, result.kappa?.[1] ?? 0], [mean, mean], 1e-12);
    close([result.concentrationWeight?.[0] ?? 0], [0.5], 1e-12);
    for (const sums of [
      [
        [1, 1],
        [1, 1],
      ],
      [
        [0, 0],
        [0, 0],
      ],
    ]) {
      const equal = await margins(sums, [2, 2], [2, 2]);
      close(equal.concentrationWeight ?? [], [0.5, 0.5], 1e-12);
    }
  });

  it('leave a class whose images are all alike out of mean and deviation; it gets the least margin', async () => {
    // Pairs of unit vectors in the plane at angles a and -a: Rbar = cos(a).
    const pair = (angle: number): number[] => [2 * Math.cos(angle), 0];
    const others = [pair(0.6), pair(0.9), pair(1.2)];
    const plain = await margins(others, [2, 2, 2], [2, 2, 2]);
    const alike = [
      ['the very same', [2, 0]],
      ['as float32 rounds them', [2 * (1 - 3e-8), 0]],
      ['longer by rounding', [2 * (1 + 6e-8), 0]],
      ['as a bfloat16 buffer rounds them', [2 * (1 - 2e-4), 0]],
    ] as const;
    for (const rule of [{}, { debias: true }, { convention: 'paper' }]) {
      const before = await margins(others, [2, 2, 2], [2, 2, 2], rule);
      for (const [what, sums] of alike) {
        const after = await margins([...others, [...sums], [1, 0]], [2, 2, 2, 2, 1], [2, 2, 2, 2, 1], rule);
        for (const [name, values] of Object.entries(after)) {
          assert.ok(values.every(Number.isFinite), name);
          close(values.slice(0, 3), before[name] ?? [], 1e-12);
        }
        const [, , , weight, ofSingleton] = after.concentrationWeight ?? [];
        assert.equal(weight, 0, what);
        assert.equal(ofSingleton, 0.5);
        assert.ok((after.kappa?.[3] ?? 0) > 1000, what);
        const known = before.kappa ?? [];
        closeRelative([after.kappa?.[4] ?? 0], [known.reduce((sum, k) => sum + k, 0) / 3], 1e-12);
      }
    }
    assert.ok(new Set(plain.concentrationWeight).size === 3, 'the others differ');
    // Without any other class there is nothing to be more alike than.
    const alone = await margins(
      [
        [2, 0],
        [0, 3],
      ],
      [2, 3],
      [2, 3],
    );
    assert.deepEqual(alone.concentrationWeight, [0.5, 0.5]);
    // One other class has no deviation to measure by.
    const two = await margins([[2, 0], pair(1)], [2, 2], [2, 2]);
    assert.deepEqual(two.concentrationWeight, [0, 0.5]);
  });

  it('debias recovers the true concentration of small classes', async () => {
    // Classes of n unit vectors around a pole with true mean resultant length 0.6.
    const n = 4;
    const dim = 64;
    const classes = 400;
    await manualSeed(5);
    const noise = await (await Tensor.randn([classes * n, dim - 1])).toArray();
    const features = Array.from({ length: classes * n }, (_, i) => {
      const rest = noise.slice(i * (dim - 1), (i + 1) * (dim - 1));
      const length = Math.hypot(...rest);
      return [0.6, ...rest.map((x) => (0.8 * x) / length)];
    });
    const labels = features.map((_, i) => Math.floor(i / n));
    const { sums, counts } = classSums(features, labels, classes);
    const mean = (values: number[] = []): number => values.reduce((sum, x) => sum + x, 0) / values.length;
    const truth = (0.6 * (dim - 0.36)) / (1 - 0.36);
    const plain = mean((await margins(sums, counts, counts)).kappa);
    const debiased = mean((await margins(sums, counts, counts, { debias: true })).kappa);
    assert.ok(plain > 1.4 * truth, `plain ${plain} against ${truth}`);
    assert.ok(Math.abs(debiased - truth) < 0.05 * truth, `debiased ${debiased} against ${truth}`);
  });
});

describe('KappaFaceHead', () => {
  const options = { samplesPerClass: [2, 2, 3], embeddingSize: 4, margin: 0.8 };

  it('begins with the initial margin, then follows psi m0, blended where asked', async () => {
    const head = new KappaFaceHead({
      ...options,
      concentration: { kind: 'memory' },
      blendEpochs: 2,
      initialMarginScale: 0.5,
    });
    close(await head.marginScale(), [0.5, 0.5, 0.5], 1e-6);
    await rejects(head.updateMargins(), 'ERR_ARGUMENT', /nothing to go by/);
    await manualSeed(2);
    const embeddings = await Tensor.randn([7, 4]);
    const labels = await labelsOf([0, 0, 1, 1, 2, 2, 2]);
    await head.forward(embeddings, labels, { sampleIndex: await labelsOf([0, 1, 2, 3, 4, 5, 6]) });
    const psi = await (await head.classMargins()).marginScale.toArray();
    await head.updateMargins();
    close(
      await head.marginScale(),
      psi.map((value) => 0.25 + value / 2),
      1e-6,
    );
    await head.updateMargins();
    close(await head.marginScale(), psi, 1e-6);
    close(
      await head.margins.toArray(),
      psi.map((value) => value * 0.8),
      1e-6,
    );
  });

  it('says what the momentum encoder, its default, needs', () => {
    for (const concentration of [undefined, {}, { kind: 'momentum' }] as const)
      assert.throws(() => new KappaFaceHead({ ...options, concentration: concentration as never }), {
        code: 'ERR_ARGUMENT',
        message: /follows a backbone.*kind: 'memory'/,
      });
  });

  it('with a momentum encoder follows weights and batch statistics, and counts visits of the epoch', async () => {
    await manualSeed(4);
    const backbone = new IResNet({
      depth: 18,
      widthMultiplier: 0.0625,
      embeddingSize: 4,
      imageSize: 16,
      precision: 'float32',
    });
    const head = new KappaFaceHead({
      ...options,
      concentration: { kind: 'momentum', backbone, momentum: 0.9 },
    });
    const images = await Tensor.randn([6, 3, 16, 16]);
    const labels = await labelsOf([0, 0, 1, 1, 2, 2]);
    await backbone.forward(images); // moves the running statistics
    const conv = backbone.stateDict().get('conv1.weight') as Tensor;
    const before = await conv.toArray();
    await conv.copyFrom(await (await conv.detach()).add(1));
    await head.observe({ images, labels });
    const encoder = head.concentration.stateDict();
    close(
      (await encoder.get('encoder.conv1.weight')?.toArray()) ?? [],
      before.map((w) => w + 0.1),
      1e-6,
    );
    const mean = backbone.stateDict().get('bn1.running_mean') as Tensor;
    assert.deepEqual(await encoder.get('encoder.bn1.running_mean')?.toArray(), await mean.toArray());
    assert.deepEqual(await head.concentration.counts.toArray(), [2, 2, 2]);
    await head.updateMargins();
    assert.deepEqual(await head.concentration.counts.toArray(), [0, 0, 0], 'a new epoch begins');
  });

  it('moves the momentum encoder once for all batches of a step', async () => {
    await manualSeed(4);
    const backbone = new IResNet({
      depth: 18,
      widthMultiplier: 0.0625,
      embeddingSize: 4,
      imageSize: 16,
      precision: 'float32',
    });
    const estimators = [1, 2, 3].map(() => new MomentumEncoder({ backbone, numClasses: 3, momentum: 0.5 }));
    const conv = backbone.stateDict().get('conv1.weight') as Tensor;
    await Promise.all(estimators.map((estimator) => estimator.ready()));
    const before = await conv.toArray();
    await conv.copyFrom(await (await conv.detach()).add(1));
    const images = await Tensor.randn([6, 3, 16, 16]);
    const batch = { images, labels: await labelsOf([0, 0, 1, 1, 2, 2]) };
    const cut = await Promise.all(
      [0, 2, 4].map(async (start) => ({
        images: await images.slice(0, start, start + 2),
        labels: await batch.labels.slice(0, start, start + 2),
      })),
    );
    const [whole, accumulated, nothing] = estimators as [MomentumEncoder, MomentumEncoder, MomentumEncoder];
    await whole.update(batch);
    await accumulated.update(...cut);
    await nothing.update();
    const weight = (estimator: MomentumEncoder): Promise<number[]> =>
      (estimator.stateDict().get('encoder.conv1.weight') as Tensor).toArray();
    close(
      await weight(accumulated),
      before.map((w) => w + 0.5),
      1e-6,
    );
    assert.deepEqual(await weight(accumulated), await weight(whole));
    assert.deepEqual(await weight(nothing), before);
    assert.deepEqual(await accumulated.counts.toArray(), [2, 2, 2]);
    close(await accumulated.sums.toArray(), await whole.sums.toArray(), 1e-5);
  });
});
