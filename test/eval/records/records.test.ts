import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { readRecord, readRecords, recordName, writeRecord } from '../../../lib/eval/records/files';
import { recordPairs, sidesOfPairs } from '../../../lib/eval/records/pairs';
import type { EvaluationRecord } from '../../../lib/eval/records/record';
import { sidesOfScored } from '../../../lib/eval/uncertainty/compared-pairs';
import { compareRecords } from '../../../lib/eval/uncertainty/difference';
import { rejects } from '../../support/assert';
import { temporaryFolder } from '../../support/folder';
import { simulatedPairs } from '../uncertainty/coverage';

const facts = {
  benchmark: 'verification',
  set: 'lfw',
  protocol: 'ten folds',
  flags: { flip: 'sum' },
  model: 'runs/base/checkpoints/step-00000565',
  data: 'lfw.bin',
  counts: { pairs: 800 },
} as const;

const pairs = simulatedPairs(3, { people: 150, pairs: 400 });

/** A model whose distances are nearer to right, or farther from it. */
function recordOf(shift: number, changes: Partial<EvaluationRecord> = {}): EvaluationRecord {
  const distances = pairs.distances.map((distance, i) => distance + (pairs.isSame[i] ? -shift : shift));
  return { ...recordPairs({ ...pairs, distances }, facts), ...changes };
}

describe('records of evaluations', () => {
  const folder = temporaryFolder();

  it('are written with a page of Markdown, and read again', async () => {
    const record = recordOf(0);
    const file = await writeRecord(path.join(folder, 'run', 'evaluations'), record);
    assert.equal(path.basename(file), 'lfw_verification_step-00000565.json');
    assert.deepEqual(await readRecord(file), JSON.parse(JSON.stringify(record)));
    const text = readFileSync(file.replace(/json$/, 'md'), 'utf8');
    const { value, interval } = record.numbers[0]!;
    const percent = (share: number): string => (100 * share).toFixed(2);
    assert.ok(
      text.includes(`${percent(value)} [${percent(interval!.low)}, ${percent(interval!.high)}]`),
      text,
    );
    assert.ok(text.includes('Protocol: ten folds'), text);
    assert.equal((await readRecords(path.dirname(file))).length, 1);
    // The same name again replaces it, and nothing else is left.
    await writeRecord(path.dirname(file), record);
    assert.equal(readdirSync(path.dirname(file)).length, 2);
  });

  it('have curves with bands about them, similarities and the hardest pairs', () => {
    const { curves, histograms, hardest } = recordOf(0);
    assert.deepEqual(
      curves.map(({ kind }) => kind),
      ['roc', 'det'],
    );
    for (const { x, y, low, high, kind } of curves) {
      assert.ok(x.length > 20 && low && high);
      for (const [i, value] of y.entries()) {
        assert.ok(low[i]! <= value + 1e-9 && value <= high[i]! + 1e-9);
        if (i === 0) continue;
        assert.ok(x[i]! > x[i - 1]!);
        assert.ok(kind === 'roc' ? value >= y[i - 1]! : value <= y[i - 1]!);
      }
    }
    for (const { counts, edges } of histograms) {
      assert.equal(edges.length, counts.length + 1);
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        400,
      );
    }
    assert.equal(hardest!.length, 24);
    const cosines = pairs.distances.map((distance) => 1 - distance / 2);
    const least = Math.min(...cosines.filter((_, i) => pairs.isSame[i]));
    assert.ok(Math.abs(hardest![0]!.score - least) < 1e-5 && hardest![0]!.isSame);
  });

  it('are named by what they are of', () => {
    assert.equal(
      recordName({ ...recordOf(0), benchmark: 'ijb-verification', set: 'ijbc', variant: 'N0D1F1' }),
      'ijbc_ijb-verification_N0D1F1_step-00000565',
    );
    assert.equal(recordName({ ...recordOf(0), set: 'a/b\\..' }), 'a-b-.._verification_step-00000565');
  });

  it('say what is wrong with a file', async () => {
    const file = path.join(folder, 'wrong.json');
    await rejects(readRecord(path.join(folder, 'nothing.json')), 'ERR_DATA_NOT_FOUND', /nothing\.json/);
    for (const [text, code, message] of [
      ['{"format": "kappaface-ev', 'ERR_DATA_CORRUPT', /it is not JSON/],
      ['[]', 'ERR_DATA_CORRUPT', /is no evaluation/],
      ['null', 'ERR_DATA_CORRUPT', /is no evaluation/],
      ['{"format": "kappaface-evaluation", "version": 2}', 'ERR_VERSION', /another version \(2/],
      ['{"format": "kappaface-evaluation", "version": 1}', 'ERR_DATA_CORRUPT', /damaged/],
    ] as const) {
      writeFileSync(file, text);
      await rejects(readRecord(file), code, message);
    }
    const others = path.join(folder, 'others');
    mkdirSync(others);
    writeFileSync(path.join(others, 'package.json'), '{}');
    assert.deepEqual(await readRecords(others), []);
    assert.deepEqual(await readRecords(path.join(folder, 'nowhere')), []);
  });

  it('know people by their pictures and pairs', () => {
    const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((name) => Buffer.from(name)) as [
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
    ];
    // a-b and b-c are one person, d is met with a, e with d.
    const { first, second, units } = sidesOfPairs(
      [a, b, Buffer.from('b'), c, a, d, d, e],
      [true, true, false, false],
    );
    assert.deepEqual([Array.from(first), Array.from(second), units], [[0, 0, 0, 1], [0, 0, 1, 2], 3]);
  });
});

describe('the sides of scored pairs', () => {
  it('are of people who are known, and of others each by itself, of lists of any length', () => {
    const first = Int32Array.of(0, -1, -1, 2);
    const second = Int32Array.of(0, -1, -1, 1);
    const isSame = Uint8Array.of(1, 1, 0, 0);
    const sides = sidesOfScored({ distances: new Float64Array(4), isSame, first, second });
    assert.deepEqual([...Array.from(sides.first), sides.units], [0, 3, 4, 2, 6]);
    assert.deepEqual(Array.from(sides.second), [0, 3, 5, 1]);
    const many = new Int32Array(300_000).fill(7);
    const long = { distances: new Float64Array(300_000), isSame: new Uint8Array(300_000) };
    assert.equal(sidesOfScored({ ...long, first: many, second: many }).units, 8);
  });
});

describe('the difference of two models', () => {
  it('is decided where both were drawn alike, though their intervals overlap', () => {
    const [one, other] = [recordOf(0), recordOf(0.05)];
    const [first, second] = [one.numbers[0]!.interval!, other.numbers[0]!.interval!];
    assert.ok(first.high > second.low);
    const [accuracy] = compareRecords(one, other);
    assert.equal(accuracy!.id, 'accuracy');
    assert.equal(accuracy!.verdict, 'better');
    assert.ok(accuracy!.interval!.low > 0 && accuracy!.difference > accuracy!.interval!.low);
    const width = accuracy!.interval!.high - accuracy!.interval!.low;
    assert.ok(width < 0.8 * (first.high - first.low));
    const back = compareRecords(other, one);
    assert.equal(back[0]!.verdict, 'worse');
    // A smaller error rate is a better one.
    const eer = (all: typeof back) => all.find(({ id }) => id === 'eer')!.verdict;
    assert.deepEqual([eer(compareRecords(one, other)), eer(back)], ['better', 'worse']);
  });

  it('of a model and itself is 0, and undecided', () => {
    for (const { difference, interval, verdict } of compareRecords(recordOf(0), recordOf(0))) {
      assert.equal(difference, 0);
      if (interval) assert.deepEqual([interval, verdict], [{ low: 0, high: 0 }, 'undecided']);
    }
  });

  it('is refused for different things', () => {
    const record = recordOf(0);
    const { resampling } = record;
    for (const [changes, message] of [
      [{ set: 'cfp_fp' }, /the set is lfw in the first and cfp_fp in the second/],
      [{ variant: 'N1D1F1' }, /the variant is undefined .* N1D1F1/],
      [{ flags: { flip: 'none' } }, /the flag flip is sum .* none/],
      [{ resampling: undefined }, /no draws/],
      [{ resampling: { ...resampling!, fingerprint: 'other' }, data: 'new.bin' }, /not the same data/],
      [{ resampling: { ...resampling!, seed: 1 } }, /other seeds/],
    ] as const)
      assert.throws(() => compareRecords(record, { ...record, ...changes } as EvaluationRecord), message);
  });
});
