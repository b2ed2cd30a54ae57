import assert from 'node:assert/strict';

import { compareFaces, IResNet, referenceOfPairs, referenceOfRecord } from '../../lib';
import type { EvaluationRecord, RecordedHistogram } from '../../lib/eval/records/record';
import { CosineBins } from '../../lib/eval/uncertainty/curves';
import { Xoshiro128 } from '../../lib/random';
import { rejects, throws } from '../support/assert';
import { anyBytes, jpeg } from '../support/faces';

const record = (histograms: readonly RecordedHistogram[]): EvaluationRecord => ({
  format: 'kappaface-evaluation',
  version: 1,
  benchmark: 'verification',
  set: 'known',
  protocol: '',
  flags: {},
  model: 'm',
  data: '',
  counts: {},
  numbers: [],
  curves: [],
  histograms,
  made: '2030-01-02T00:00:00Z',
});

describe('known pairs', () => {
  const random = Xoshiro128.fromSeed(2);
  const isSame = Array.from({ length: 3000 }, (_, i) => i % 2 === 0);
  const distances = isSame.map((same) => (same ? 0.1 : 0.9) + 1.5 * random.uniform());
  const counted = (kind: boolean, of: (d: number) => boolean): number =>
    distances.filter((d, i) => isSame[i] === kind && of(d)).length / 1500;

  it('are counted', () => {
    const reference = referenceOfPairs(distances, isSame, 'here');
    assert.deepEqual([reference.genuine, reference.impostor], [1500, 1500]);
    for (const at of [0, 0.95, distances[1]!, distances[2]!, 1.3, 4]) {
      assert.equal(
        reference.impostorsWithin(at),
        counted(false, (d) => d <= at),
      );
      assert.ok(Math.abs(reference.genuineBeyond(at) - counted(true, (d) => d > at)) < 1e-12);
    }
    throws(() => referenceOfPairs([1, 2], [true, true], 'here'), 'ERR_ARGUMENT', /received 2 and 0/);
  });

  it('are read off histograms, of squared distances or of cosines, to a bin', () => {
    const bins = new CosineBins();
    distances.forEach((d, i) => bins.add(1 - d / 2, isSame[i]!));
    const cosines = bins.histograms();
    const edges = Array.from({ length: 201 }, (_, i) => i / 50);
    const squared = ([true, false] as const).map((kind): RecordedHistogram => {
      const counts = new Array<number>(200).fill(0);
      distances.forEach((d, i) => {
        if (isSame[i] === kind) counts[Math.min(199, Math.floor(50 * d))]!++;
      });
      return { kind: kind ? 'genuine' : 'impostor', edges, counts, quantity: 'squared distance' };
    });
    for (const { counts } of [...squared, ...cosines])
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        1500,
      );
    for (const histograms of [squared, cosines]) {
      const reference = referenceOfRecord(record(histograms))!;
      assert.equal(reference.source, 'known, evaluated 2030-01-02 with m');
      for (let at = 0; at <= 4; at += 0.037) {
        // No bin has more than a thirtieth of the pairs.
        assert.ok(Math.abs(reference.impostorsWithin(at) - counted(false, (d) => d <= at)) < 0.035, `${at}`);
        assert.ok(Math.abs(reference.genuineBeyond(at) - counted(true, (d) => d > at)) < 0.035, `${at}`);
      }
    }
    assert.equal(referenceOfRecord(record([])), undefined);
    assert.equal(referenceOfRecord(record(squared.slice(0, 1))), undefined);
  });
});

describe('comparing faces', () => {
  const backbone = new IResNet({
    ...({ depth: 18, widthMultiplier: 0.0625, embeddingSize: 8, imageSize: 16 } as const),
    precision: 'float32',
  });
  after(() => backbone.dispose());

  it('says at which rates two faces are one person', async () => {
    const [a, b] = [{ image: jpeg(1, 16) }, { image: jpeg(200, 16) }];
    const { cosine, squaredDistance } = await compareFaces(backbone, a, b);
    assert.ok(Math.abs(2 - 2 * cosine - squaredDistance) < 1e-12);
    assert.ok((await compareFaces(backbone, a, a)).cosine > 1 - 1e-9);
    // 2,000 impostor pairs, three of which are nearer.
    const known = Array.from({ length: 2001 }, (_, i) => (i < 3 ? squaredDistance / 2 : 3.9));
    known[2000] = squaredDistance / 4;
    const reference = referenceOfPairs(
      known,
      known.map((_, i) => i === 2000),
      'known',
    );
    const { meaning } = await compareFaces(backbone, a, b, { reference });
    assert.equal(meaning!.impostorsAsAlike, 3 / 2000);
    assert.equal(meaning!.genuineLessAlike, 0);
    assert.deepEqual(meaning!.verdicts, [
      { fmr: 1e-1, isSame: true },
      { fmr: 1e-2, isSame: true },
      { fmr: 1e-3, isSame: false },
      { fmr: 1e-4, isSame: false },
    ]);
    const same = await compareFaces(backbone, a, a, { reference });
    assert.deepEqual(
      same.meaning!.verdicts.map(({ isSame }) => isSame),
      [true, true, true, undefined], // 2,000 pairs cannot show 1e-4
    );
  });

  it('names the image that cannot be used', async () => {
    const a = { image: jpeg(1, 16) };
    await rejects(compareFaces(backbone, a, { image: 'no.jpg' }), 'ERR_DATA_NOT_FOUND', /no\.jpg/);
    await rejects(compareFaces(backbone, a, { image: anyBytes(1) }), 'ERR_DATA_CORRUPT', /the second image/);
    const points = Array.from({ length: 5 }, (): [number, number] => [3, 3]);
    await rejects(compareFaces(backbone, { ...a, points }, a), 'ERR_ARGUMENT', /^the first image: /);
  });
});
