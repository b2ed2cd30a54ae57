import assert from 'node:assert/strict';

import { IResNet, embedImages, evaluateVerification, liveTensors, manualSeed } from '../../lib';
import type { EmbedOptions, Embeddings } from '../../lib/eval/embed';
import type { Backbone } from '../../lib/nn/backbone';
import { rejects } from '../support/assert';
import { anyBytes, jpeg } from '../support/faces';
import { fakeGroups } from '../support/fake-group';
import { collectGarbage } from '../support/tensors';

describe('embedding images over ranks', () => {
  const images = Array.from({ length: 11 }, (_, i) => jpeg(i + 1, 24));
  const backbones: Backbone[] = [];
  const batchSize = 2;

  before(async () => {
    await manualSeed(1);
    const options = { depth: 18, widthMultiplier: 0.0625, embeddingSize: 8, imageSize: 16 } as const;
    const first = new IResNet({ ...options, precision: 'float32' });
    backbones.push(first, await first.clone(), await first.clone(), await first.clone());
  });
  after(() => backbones.forEach((backbone) => backbone.dispose()));

  type Change = (rank: number) => { images?: readonly Buffer[] } & EmbedOptions;
  const onRanks = (
    worldSize: number,
    change: Change = () => ({}),
  ): Promise<PromiseSettledResult<Embeddings>[]> =>
    Promise.allSettled(
      fakeGroups(worldSize).map((group, rank) => {
        const { images: own = images, ...options } = change(rank);
        return embedImages(backbones[rank]!, own, { batchSize, name: 'lfw', ...options, group });
      }),
    );

  it('gives every rank what one computes, to the bit, whatever their number', async () => {
    const alone = await embedImages(backbones[0]!, images, { batchSize });
    assert.ok(alone.data.every((x) => x !== 0) && alone.xnorm > 0);
    // 11 images make 6 batches: with 4 ranks half of them have nothing in the last round.
    for (const worldSize of [1, 2, 3, 4])
      for (const result of await onRanks(worldSize)) {
        assert.ok(result.status === 'fulfilled');
        assert.deepEqual(result.value, alone);
      }
  });

  it('embeds each batch on one rank, and tells how far all of them are', async () => {
    const done: number[][] = [[], []];
    let computed = 0;
    for (const backbone of backbones.slice(0, 2)) {
      const forward = backbone.forward.bind(backbone);
      backbone.forward = (input) => {
        computed += input.shape[0] ?? 0;
        return forward(input);
      };
    }
    try {
      await onRanks(2, (rank) => ({ onProgress: (count) => done[rank]!.push(count) }));
    } finally {
      for (const backbone of backbones) delete (backbone as Partial<Backbone>).forward;
    }
    assert.equal(computed, 2 * images.length);
    assert.deepEqual(done, [
      [4, 8, 11],
      [4, 8, 11],
    ]);
  });

  it('ends on all ranks where one fails, which it names', async () => {
    const spoiled = images.with(7, anyBytes(1)); // of batch 3
    for (const [worldSize, failing] of [
      [2, 1],
      [3, 0],
      [4, 3],
    ] as const) {
      await collectGarbage();
      const before = liveTensors().count;
      const results = await onRanks(worldSize, () => ({ images: spoiled }));
      for (const [rank, result] of results.entries()) {
        assert.ok(result.status === 'rejected');
        if (rank === failing) await rejects(Promise.reject(result.reason), 'ERR_DATA_CORRUPT', /lfw/);
        else
          await rejects(
            Promise.reject(result.reason),
            'ERR_PEER',
            new RegExp(`^Rank ${failing} failed while it embedded lfw`),
          );
      }
      assert.equal(liveTensors().count, before);
    }
  });

  it('is cancelled on all ranks where one is', async () => {
    const controller = new AbortController();
    const results = await onRanks(3, (rank) =>
      rank === 2 ? { signal: controller.signal, onProgress: () => controller.abort() } : {},
    );
    for (const [rank, result] of results.entries()) {
      assert.ok(result.status === 'rejected');
      await rejects(
        Promise.reject(result.reason),
        'ERR_CANCELLED',
        rank === 2 ? /^Embedding lfw was cancelled/ : /^Rank 2 was cancelled while it embedded lfw/,
      );
    }
  });

  it('tells its own error where the ranks cannot meet any more', async () => {
    const [group] = fakeGroups(2);
    group!.allGather = () => Promise.reject(new Error('connection lost'));
    const spoiled = images.with(0, anyBytes(1));
    await rejects(embedImages(backbones[0]!, spoiled, { group: group! }), 'ERR_DATA_CORRUPT');
    await assert.rejects(embedImages(backbones[0]!, images, { group: group! }), /connection lost/);
  });

  it('verifies a set with the same result on every rank', async () => {
    const set = {
      name: 'own',
      images: [...images, ...images, ...images, ...images].slice(0, 40),
      isSame: Array.from({ length: 20 }, (_, i) => i % 2 === 0),
    };
    const alone = await evaluateVerification(backbones[0]!, set, { batchSize });
    const results = await Promise.all(
      fakeGroups(3).map((group, rank) => evaluateVerification(backbones[rank]!, set, { batchSize, group })),
    );
    assert.deepEqual(results, [alone, alone, alone]);
  });
});
