import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

import {
  IResNet,
  Tensor,
  embedIjb,
  embedImages,
  evaluateIjbVerification,
  ijbRules,
  ijbVariant,
  nearestFar,
  pairRoc,
  poolIjb,
  readIjb,
  scope,
  scorePairs,
} from '../../lib';
import type { IjbRule, IjbSet, PairRoc } from '../../lib';
import { FACE_TEMPLATE } from '../../lib/image/align';
import { Xoshiro128, shuffle } from '../../lib/random';
import { temporaryFolder } from '../support/folder';
import { ALIGNED, writeIjbSet, type IjbLines } from '../support/ijb-set';
import { leavesNoTensors } from '../support/tensors';

interface Golden {
  features: number[][];
  templates: number[];
  media: number[];
  detectorScore: number[];
  pairs: [number, number][];
  labels: number[];
  scores: number[];
  tarAtFar: Record<string, number>;
}

const golden = JSON.parse(
  readFileSync(path.join(__dirname, '..', 'fixtures', 'golden', 'ijb_11.json'), 'utf8'),
) as Golden;

function goldenLines(): IjbLines {
  return {
    faces: golden.templates.map((id, i) => `${i + 1}.jpg ${id} ${golden.media[i]}`),
    points: golden.detectorScore.map((score, i) => `${i + 1}.jpg ${ALIGNED} ${score}`),
    pairs: golden.pairs.map(([a, b], i) => `${a} ${b} ${golden.labels[i]}`),
  };
}

/** scikit-learn's roc_curve and the nearest FAR, written as plainly as can be. */
function plainRoc(scores: readonly number[], labels: readonly number[], drops = true): [number, number][] {
  const distinct = [...new Set(scores)].sort((a, b) => b - a);
  const points = distinct.map((threshold): [number, number] => {
    const accepted = labels.filter((_, i) => scores[i]! >= threshold);
    const genuine = accepted.filter((label) => label === 1).length;
    return [accepted.length - genuine, genuine];
  });
  const second = (i: number, k: 0 | 1): number => points[i + 1]![k] - 2 * points[i]![k] + points[i - 1]![k];
  const kept = points.filter(
    (_, i) => !drops || i === 0 || i === points.length - 1 || second(i, 0) !== 0 || second(i, 1) !== 0,
  );
  return [[0, 0], ...kept];
}

describe('IJB 1:1 verification', () => {
  const folder = temporaryFolder();
  let set: IjbSet;
  let plain: Tensor;
  before(async () => {
    writeIjbSet(folder, goldenLines());
    set = await readIjb('ijbc', folder);
    plain = (await Tensor.from(golden.features)).keep();
  });
  after(() => plain.dispose());

  it('gives the golden scores, and TAR exactly', async () => {
    const rule = { flip: false };
    let result!: Awaited<ReturnType<typeof evaluateIjbVerification>>;
    await leavesNoTensors(async () => {
      result = await evaluateIjbVerification(set, { plain }, rule);
    });
    for (const { wanted, tar } of result.points) {
      const key = Object.keys(golden.tarAtFar).find((name) => Number(name) === wanted);
      assert.equal(tar, golden.tarAtFar[key ?? ''], `TAR at ${wanted}`);
    }
    const scores = await (await scorePairs(set, await poolIjb(set, { plain }, rule))).toArray();
    for (const [i, score] of golden.scores.entries())
      assert.ok(Math.abs(scores[i]! - score) < 1e-6, `pair ${i}`);
    assert.equal(result.variant, 'N0D1F0');
    assert.deepEqual(result.counts, {
      faces: golden.features.length,
      templates: new Set(golden.templates).size,
      pairs: golden.pairs.length,
      genuine: golden.labels.filter((label) => label === 1).length,
    });
  });

  it('pools and scores by every rule as plain loops do', async () => {
    const mirrored = await Tensor.from(
      golden.features.map((row) => row.map((value, d) => value * 0.5 + 0.1 * (d % 3))),
    );
    const flipped = (await mirrored.toArray()) as number[];
    const dim = golden.features[0]!.length;
    const names: string[] = [];
    for (const rule of ijbRules()) {
      names.push(ijbVariant(rule));
      const pooled = (await (await poolIjb(set, { plain, mirrored }, rule)).toArray()) as number[];
      const expected = plainTemplates(rule, (face, d) => flipped[face * dim + d]!);
      for (const [i, value] of expected.entries())
        assert.ok(Math.abs(pooled[i]! - value) < 1e-6, `${ijbVariant(rule)}, element ${i}`);
    }
    assert.deepEqual(names, ['N0D1F1', 'N0D1F0', 'N0D0F1', 'N0D0F0', 'N1D1F1', 'N1D1F0', 'N1D0F1', 'N1D0F0']);
  });

  function plainTemplates(rule: Required<IjbRule>, mirror: (face: number, d: number) => number): number[] {
    const length = (row: number[]): number => Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    const faces = golden.features.map((row, f) => {
      const whole = row.map((value, d) => value + (rule.flip ? mirror(f, d) : 0));
      const factor =
        (rule.norm === 'unit' ? 1 / length(whole) : 1) *
        (rule.detectorScore ? Math.fround(golden.detectorScore[f]!) : 1);
      return whole.map((value) => value * factor);
    });
    return Array.from(set.faces.templateIds).flatMap((id) => {
      const own = faces.map((row, f) => ({ row, f })).filter(({ f }) => golden.templates[f] === id);
      const media = [...new Set(own.map(({ f }) => golden.media[f]))];
      const sum = faces[0]!.map((_, d) =>
        media.reduce((total: number, medium) => {
          const of = own.filter(({ f }) => golden.media[f] === medium);
          return total + of.reduce((part, { row }) => part + row[d]!, 0) / of.length;
        }, 0),
      );
      return sum.map((value) => value / length(sum));
    });
  }

  it('does not depend on the order of faces and pairs', async () => {
    const random = Xoshiro128.fromSeed(4);
    const permutation = (count: number): Uint32Array => {
      const order = Uint32Array.from({ length: count }, (_, i) => i);
      shuffle(order, random);
      return order;
    };
    const lines = goldenLines();
    const order = permutation(lines.faces.length);
    const root = path.join(folder, 'shuffled');
    const pick = <T>(all: readonly T[], by: ArrayLike<number>): T[] => Array.from(by, (i) => all[i]!);
    writeIjbSet(root, {
      faces: pick(lines.faces, order),
      points: pick(lines.points, order),
      pairs: pick(lines.pairs, permutation(lines.pairs.length)),
    });
    const shuffled = await readIjb('ijbc', root);
    const features = await Tensor.from(pick(golden.features, order));
    const expected = await evaluateIjbVerification(set, { plain }, { flip: false });
    const actual = await evaluateIjbVerification(shuffled, { plain: features }, { flip: false });
    assert.deepEqual(
      actual.points.map(({ tar, far }) => [tar, far]),
      expected.points.map(({ tar, far }) => [tar, far]),
    );
  });

  it('says what differs from the files as they are distributed', async () => {
    const lines = goldenLines();
    const cases: [string, Partial<IjbLines>, RegExp][] = [
      [
        'columns',
        { faces: ['1.jpg 3', ...lines.faces.slice(1)] },
        /face_tid_mid\.txt, line 1: expected "1\.jpg template/,
      ],
      [
        'order',
        { points: [lines.points[1]!, lines.points[0]!, ...lines.points.slice(2)] },
        /line 1: it tells of 2\.jpg, .* of 1\.jpg/,
      ],
      ['fewer', { points: lines.points.slice(0, -1) }, /has 615 faces, but .* has 616/],
      [
        'more',
        { points: [...lines.points, `x.jpg ${ALIGNED} 1`] },
        /x\.jpg, but line 617 of .* is not there/,
      ],
      [
        'numbers',
        { points: [lines.points[0]!.replace('38', 'x'), ...lines.points.slice(1)] },
        /name_5pts_score\.txt, line 1: expected/,
      ],
      [
        'template',
        { pairs: ['999999 1 1', ...lines.pairs] },
        /line 1: no face of .* belongs to template 999999/,
      ],
      [
        'answer',
        { pairs: [...lines.pairs, '1 1 2'] },
        /template_pair_label\.txt, line 5001: expected "template template 0\|1"/,
      ],
      ['text', { pairs: [...lines.pairs, '1 b 1'] }, /line 5001: expected "template template 0\|1"/],
      ['empty', { pairs: [] }, /has no pairs/],
    ];
    for (const [name, changes, message] of cases) {
      const root = path.join(folder, name);
      writeIjbSet(root, { ...lines, ...changes });
      await assert.rejects(readIjb('ijbc', root), { code: 'ERR_DATA_CORRUPT', message });
    }
    await assert.rejects(readIjb('ijbb', folder), {
      code: 'ERR_DATA_NOT_FOUND',
      message: /ijbb_face_tid_mid/,
    });
  });

  it('refuses features that do not fit', async () => {
    const rule = { flip: false };
    const fewer = await Tensor.from(golden.features.slice(1));
    await assert.rejects(evaluateIjbVerification(set, { plain: fewer }, rule), {
      code: 'ERR_SHAPE',
      message: /616 faces, but there are features of 615/,
    });
    const broken = await Tensor.from(golden.features.map((row, i) => (i === 7 ? row.map(() => NaN) : row)));
    await assert.rejects(evaluateIjbVerification(set, { plain: broken }, rule), {
      code: 'ERR_NOT_FINITE',
      message: /face 7/,
    });
    await assert.rejects(evaluateIjbVerification(set, { plain }), {
      code: 'ERR_ARGUMENT',
      message: /--no-flip/,
    });
    const narrow = await Tensor.from(golden.features.map((row) => row.slice(1)));
    await assert.rejects(evaluateIjbVerification(set, { plain, mirrored: narrow }), { code: 'ERR_SHAPE' });
  });
});

describe('embedding IJB', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();

  it('cuts faces out by their landmarks and embeds them as any images, mirrored ones apart', async () => {
    const sharp = (await import('sharp')).default;
    const random = Xoshiro128.fromSeed(2);
    const images: Buffer[] = [];
    const crops = path.join(folder, 'loose_crop');
    mkdirSync(crops, { recursive: true });
    for (let i = 0; i < 5; i++) {
      const pixels = Uint8Array.from({ length: 112 * 112 * 3 }, () => random.below(256));
      const image = sharp(pixels, { raw: { width: 112, height: 112, channels: 3 } });
      images.push(await image.png().toBuffer());
      // Twelve pixels further right and seven further down in a larger picture.
      const larger = image.extend({ left: 12, top: 7, right: 3, bottom: 5 });
      await larger.png().toFile(path.join(crops, `${i}.png`));
    }
    const points = FACE_TEMPLATE.flatMap(([x, y]) => [x + 12, y + 7]).join(' ');
    writeIjbSet(folder, {
      faces: images.map((_, i) => `${i}.png ${i} 0`),
      points: images.map((_, i) => `${i}.png ${points} 0.9`),
      pairs: ['0 1 1', '2 3 0'],
    });
    const set = await readIjb('ijbc', folder);
    const network = new IResNet({
      depth: 18,
      widthMultiplier: 0.0625,
      embeddingSize: 8,
      precision: 'float32',
    });
    await scope(async () => {
      const expected = await embedImages(network, images);
      const done: number[] = [];
      const { plain, mirrored } = await embedIjb(network, set, {
        batchSize: 2,
        onProgress: (count) => void done.push(count),
      });
      assert.deepEqual(done, [2, 4, 5]);
      const sums = await plain.add(mirrored!).toArray();
      for (const [i, value] of expected.data.entries())
        assert.ok(Math.abs((sums[i] as number) - value) < 1e-3 * (1 + Math.abs(value)), `element ${i}`);
      assert.equal((await embedIjb(network, set, { flip: false })).mirrored, undefined);
      await assert.rejects(embedIjb(network, set, { signal: AbortSignal.abort() }), {
        code: 'ERR_CANCELLED',
      });
    });
    rmSync(path.join(crops, '3.png'));
    await assert.rejects(embedIjb(network, set), { code: 'ERR_DATA_NOT_FOUND', message: /3\.png/ });
    network.dispose();
  });
});

describe('the ROC of many pairs', () => {
  it('has the points of scikit-learn, ties and left-out ones among them', async () => {
    const random = Xoshiro128.fromSeed(9);
    for (const values of [3, 20, 1000]) {
      const scores = Array.from({ length: 400 }, () =>
        Math.fround((random.below(values) - values / 2) / values),
      );
      const labels = scores.map((score) => (random.uniform() < 0.3 + 0.5 * score ? 1 : 0));
      for (const drops of [true, false]) {
        const roc = await rocOf(scores, labels, drops);
        assert.deepEqual(
          Array.from(roc.impostors, (count, i) => [count, roc.genuine[i]]),
          plainRoc(scores, labels, drops),
        );
        assert.equal(roc.thresholds[0], Infinity);
      }
    }
  });

  const rocOf = async (
    scores: readonly number[],
    labels: readonly number[],
    drops = true,
  ): Promise<PairRoc> =>
    pairRoc(await Tensor.from(Float32Array.from(scores)), await Tensor.from(Uint8Array.from(labels)), {
      dropIntermediate: drops,
    });

  it('takes the looser of two points that are as near to a FAR', async () => {
    // FAR 0, 0.5 and 1; TAR 0.5, 0.5 and 1.
    const roc = await rocOf([5, 4, 3, 2], [1, 0, 1, 0], false);
    assert.deepEqual(nearestFar(roc, 0.25), { tar: 1, far: 0.5, threshold: 3 });
    assert.deepEqual(nearestFar(roc, 0), { tar: 0.5, far: 0, threshold: 5 });
  });

  it('counts 0 and -0 as one score, and refuses what has no order', async () => {
    assert.equal((await rocOf([0, -0, 1], [1, 0, 0], false)).impostors.length, 3);
    await assert.rejects(rocOf([1, NaN], [1, 0]), { code: 'ERR_NOT_FINITE', message: /pair 1/ });
    await assert.rejects(rocOf([1, 2], [1, 1]), { code: 'ERR_ARGUMENT', message: /2 and 0/ });
  });
});
