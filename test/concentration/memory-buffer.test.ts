import assert from 'node:assert/strict';

import { IResNet, MemoryBuffer, MomentumEncoder, Tensor, manualSeed } from '../../lib';
import { classRange, type ClassRange } from '../../lib/distributed/class-range';
import { copyState, type NamedTensors } from '../../lib/nn/module';
import { close, rejects, throws } from '../support/assert';
import { leavesNoTensors } from '../support/tensors';

const labelsOf = (values: number[]): Promise<Tensor> => Tensor.from(values, undefined, { dtype: 'int64' });

/** Batches of `size` images each, with embeddings of three dimensions that their places tell. */
async function stepsOf(indices: readonly number[], classOf: readonly number[], size: number) {
  const batches = [];
  for (let from = 0; from < indices.length; from += size) {
    const own = indices.slice(from, from + size);
    batches.push({
      embeddings: await Tensor.from(
        own.map((index, i) => [Math.sin(from + i), Math.cos(3 * index + i), 0.5 + index]),
      ),
      labels: await labelsOf(own.map((index) => classOf[index]!)),
      sampleIndex: await labelsOf(own),
    });
  }
  return batches;
}

async function valuesOf(state: NamedTensors): Promise<Record<string, number[]>> {
  const values = [...state].map(async ([name, tensor]) => [name, await tensor.toArray()] as const);
  return Object.fromEntries(await Promise.all(values));
}

describe('the memory buffer', () => {
  it('stores first visits as they are, mixes later ones, and keeps the class sums exact', async () => {
    const alpha = 0.9;
    const memory = new MemoryBuffer({ samplesPerClass: [2, 2], embeddingSize: 3, alpha });
    const reference = new Map<number, number[]>();
    const classOf = [0, 1, 0, 1];
    const unit = (v: number[]): number[] => v.map((x) => x / Math.hypot(...v));
    for (let step = 0; step < 30; step++) {
      const indices = [step % 4, (step * 3 + 1) % 4, step % 4]; // an image may stand in a batch twice
      const features = indices.map((_, i) => [Math.sin(step + i), Math.cos(2 * step + i), 0.3 * i + 0.1]);
      indices.forEach((index, i) => {
        const z = unit(features[i] as number[]);
        const old = reference.get(index);
        reference.set(index, old ? unit(old.map((x, d) => (1 - alpha) * x + alpha * (z[d] as number))) : z);
      });
      await memory.update({
        embeddings: await Tensor.from(features),
        labels: await labelsOf(indices.map((index) => classOf[index] as number)),
        sampleIndex: await labelsOf(indices),
      });
      const stored = (await memory.stateDict().get('memory.buffer')?.toArray()) ?? [];
      const samples = (await memory.stateDict().get('memory.samples')?.toArray()) ?? [];
      const sums = [0, 0, 0, 0, 0, 0];
      const counts = [0, 0];
      for (const [index, value] of reference) {
        const row = samples.indexOf(index);
        close(stored.slice(row * 3, row * 3 + 3), value, 1e-6, `image ${index}`);
        const c = classOf[index] as number;
        assert.equal(Math.floor(row / 2), c, 'rows lie class by class');
        counts[c] = (counts[c] as number) + 1;
        for (let d = 0; d < 3; d++)
          sums[c * 3 + d] = (sums[c * 3 + d] as number) + (stored[row * 3 + d] as number);
      }
      close(await memory.sums.toArray(), sums, 1e-12, `sums after step ${step}`);
      assert.deepEqual(await memory.counts.toArray(), counts);
    }
  });

  it('keeps its sums exact with bfloat16 storage too', async () => {
    const memory = new MemoryBuffer({ samplesPerClass: [2], embeddingSize: 2, storage: 'bfloat16' });
    for (let step = 0; step < 5; step++) {
      await memory.update({
        embeddings: await Tensor.from([
          [step + 1, 2],
          [1, step + 3],
        ]),
        labels: await labelsOf([0, 0]),
        sampleIndex: await labelsOf([0, 1]),
      });
    }
    const [a = 0, b = 0, c = 0, d = 0] = (await memory.stateDict().get('memory.buffer')?.toArray()) ?? [];
    close(await memory.sums.toArray(), [a + c, b + d], 1e-12);
  });

  it('leaves out samples without a direction and refuses indices out of range', async () => {
    const memory = new MemoryBuffer({ samplesPerClass: [3], embeddingSize: 2 });
    const update = async (row: number[], index: number, label = 0): Promise<void> =>
      memory.update({
        embeddings: await Tensor.from([row]),
        labels: await labelsOf([label]),
        sampleIndex: await labelsOf([index]),
      });
    await update([0, 0], 0);
    await update([NaN, 1], 1);
    await update([Infinity, 1], 2);
    assert.deepEqual(await memory.counts.toArray(), [0]);
    assert.deepEqual(await memory.sums.toArray(), [0, 0]);
    await rejects(update([1, 1], 3), 'ERR_ARGUMENT', /Sample index 3 lies outside 0 to 2/);
    await rejects(update([1, 1], 0, 1), 'ERR_LABEL_RANGE');
    await rejects(memory.update({ labels: await labelsOf([0]) }), 'ERR_ARGUMENT', /sampleIndex/);
  });

  it('takes all batches of a step in their order', async () => {
    const make = () => new MemoryBuffer({ samplesPerClass: [3, 2], embeddingSize: 3 });
    const [together, apart] = [make(), make()];
    const batches = await stepsOf([0, 3, 1, 0, 4, 2, 3, 0], [0, 0, 0, 1, 1], 2);
    await together.update(...batches);
    for (const batch of batches) await apart.update(batch);
    assert.deepEqual(await valuesOf(together.stateDict()), await valuesOf(apart.stateDict()));
    await together.update();
    assert.deepEqual(await valuesOf(together.stateDict()), await valuesOf(apart.stateDict()));
  });

  it('keeps the classes of its rank: ranks one below the other have the state of one rank', async () => {
    const samplesPerClass = [3, 1, 2, 0, 4];
    const classOf = [0, 4, 0, 1, 4, 2, 4, 2, 0, 4];
    for (const worldSize of [1, 2, 3, 6]) {
      const one = new MemoryBuffer({ samplesPerClass, embeddingSize: 3 });
      const ranks = Array.from({ length: worldSize }, (_, rank) => {
        const classes = classRange(samplesPerClass.length, rank, worldSize);
        return new MemoryBuffer({ samplesPerClass, classes, embeddingSize: 3 });
      });
      // Without a group each is given what all ranks would have given together.
      const batches = await stepsOf([9, 2, 5, 1, 9, 0, 3, 4, 2, 7], classOf, 5);
      for (const memory of [one, ...ranks]) await memory.update(...batches);
      const states = await Promise.all(ranks.map((memory) => valuesOf(memory.stateDict())));
      for (const [name, values] of Object.entries(await valuesOf(one.stateDict())))
        assert.deepEqual(
          states.flatMap((state) => state[name]!),
          values,
          name,
        );
      const counts = await one.counts.toArray();
      assert.deepEqual(counts, [2, 1, 2, 0, 3]);
    }
  });

  it('goes on from a saved state, whatever it knew before', async () => {
    const make = () => new MemoryBuffer({ samplesPerClass: [3, 2], embeddingSize: 3, storage: 'bfloat16' });
    const [first, second] = [make(), make()];
    const classOf = [0, 1, 0, 1, 0];
    await first.update(...(await stepsOf([4, 1], classOf, 2)));
    await second.update(...(await stepsOf([0, 3, 2], classOf, 3)));
    await copyState(second.stateDict(), first.stateDict(), 'memory');
    const next = await stepsOf([1, 0, 4, 3, 2, 4], classOf, 3);
    for (const memory of [first, second]) await memory.update(...next);
    assert.deepEqual(await valuesOf(second.stateDict()), await valuesOf(first.stateDict()));
    assert.deepEqual(await second.counts.toArray(), [3, 2]);
  });

  it('refuses images that contradict what it knows, and changes nothing then', async () => {
    const memory = new MemoryBuffer({ samplesPerClass: [2, 2], embeddingSize: 3 });
    await memory.update(...(await stepsOf([0, 1], [0, 0, 1, 1], 2)));
    const before = await valuesOf(memory.stateDict());
    const update = async (indices: number[], classOf: number[]) =>
      memory.update(...(await stepsOf(indices, classOf, indices.length)));
    const other = /^Image 1 was of class 0 before and now comes as one of class 1\.$/;
    await rejects(update([2, 1], [0, 1, 1, 1]), 'ERR_ARGUMENT', other);
    const more = /^Class 0 has more images than the 2 that samplesPerClass tells of: image 3 is one more\.$/;
    await rejects(update([2, 3], [0, 0, 1, 0]), 'ERR_ARGUMENT', more);
    assert.deepEqual(await valuesOf(memory.stateDict()), before);
    const make = (samplesPerClass: number[], classes?: ClassRange) => () =>
      new MemoryBuffer({ samplesPerClass, embeddingSize: 3, ...(classes && { classes }) });
    throws(make([1, 1.5]), 'ERR_ARGUMENT', /samplesPerClass\[1\]/);
    throws(make([1, -1]), 'ERR_ARGUMENT', /samplesPerClass\[1\]/);
    throws(make([1, 1], { first: 1, count: 2 }), 'ERR_ARGUMENT', /Classes 1 to 2 are none of 2/);
  });

  it('gives its memory back', async () => {
    await leavesNoTensors(async () => {
      const memory = new MemoryBuffer({ samplesPerClass: [2, 2], embeddingSize: 3 });
      await memory.ready();
      memory.dispose();
      memory.dispose();
      await rejects(memory.update(), 'ERR_DISPOSED');
    });
  });
});

describe('the momentum encoder over ranks', () => {
  it('keeps the classes of its rank', async () => {
    await manualSeed(6);
    const backbone = new IResNet({
      depth: 18,
      widthMultiplier: 0.0625,
      embeddingSize: 4,
      imageSize: 16,
      precision: 'float32',
    });
    const batches = [];
    for (const labels of [
      [0, 4, 2],
      [2, 1, 4],
    ])
      batches.push({ images: await Tensor.randn([3, 3, 16, 16]), labels: await labelsOf(labels) });
    const one = new MomentumEncoder({ backbone, numClasses: 5 });
    const ranks = [0, 1, 2].map(
      (rank) => new MomentumEncoder({ backbone, numClasses: 5, classes: classRange(5, rank, 3) }),
    );
    for (const encoder of [one, ...ranks]) await encoder.update(...batches);
    const joined = async (of: 'sums' | 'counts') =>
      (await Promise.all(ranks.map((encoder) => encoder[of].toArray()))).flat();
    assert.deepEqual(await joined('sums'), await one.sums.toArray());
    assert.deepEqual(await joined('counts'), [1, 1, 2, 0, 2]);
    assert.deepEqual(await one.counts.toArray(), [1, 1, 2, 0, 2]);
  });
});
