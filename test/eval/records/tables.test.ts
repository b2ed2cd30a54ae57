import assert from 'node:assert/strict';

import { formatRecord, formatTables } from '../../../lib/eval/records/markdown';
import { numberTables, partTables } from '../../../lib/eval/records/number-tables';
import { paperTables } from '../../../lib/eval/records/paper-tables';
import { nameOfModel } from '../../../lib/eval/records/text-table';
import { publishedRows } from '../../../lib/eval/records/published';
import type { EvaluationRecord } from '../../../lib/eval/records/record';
import {
  groupsRecord,
  ijbRecord,
  megafaceRecord,
  verificationRecord,
} from '../../support/evaluation-records';

const MODEL = { seed: 1, model: 'runs/base/checkpoints/step-00000565' };

function withAccuracy(set: string, value: number, rest: Partial<EvaluationRecord> = {}): EvaluationRecord {
  const numbers = [{ id: 'accuracy', label: 'accuracy', value, isShare: true }];
  return { ...verificationRecord(MODEL, set), numbers, ...rest };
}

const named = (record: EvaluationRecord, name = 'mine') => ({ name, record });

/** Rows of a Markdown table, by their first cells. */
function rowsOf(text: string, title: string): Map<string, string[]> {
  const part = text.split(/^## /m).find((part) => part.startsWith(title)) ?? '';
  const lines = part.split('\n').filter((line) => line.startsWith('|'));
  const cells = lines.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
  return new Map(cells.map(([first, ...rest]) => [first!, rest]));
}

describe('tables in the form of the paper', () => {
  it('put own numbers below the published ones, each in its column', () => {
    const text = formatTables([
      named(withAccuracy('lfw', 0.998)),
      named(withAccuracy('AgeDB-30', 0.9725)),
      named(ijbRecord(MODEL, 'ijbc')),
      named(megafaceRecord(MODEL)),
    ]);
    const first = rowsOf(text, 'Table 1');
    assert.deepEqual(first.get('Method'), ['LFW', 'CFP-FP', 'CPLFW', 'AgeDB-30', 'CALFW', 'YTF']);
    assert.deepEqual(first.get('mine'), ['99.80', '–', '–', '97.25', '–', '–']);
    // As the README of KappaFace's repository prints them.
    assert.deepEqual(first.get('ArcFace'), ['99.82', '98.27', '92.08', '98.15', '95.45', '98.0']);
    assert.deepEqual(first.get('KappaFace (memory buffer)'), [
      '99.83',
      '98.69',
      '93.22',
      '98.47',
      '96.23',
      '98.0',
    ]);
    assert.deepEqual(first.get('KappaFace (momentum encoder)'), [
      '99.83',
      '98.60',
      '93.40',
      '98.35',
      '96.15',
      '98.0',
    ]);
    const second = rowsOf(text, 'Table 2');
    assert.deepEqual(second.get('ArcFace'), ['94.2', '95.6']);
    assert.deepEqual(second.get('KappaFace (momentum encoder)'), ['95.3', '96.6']);
    assert.deepEqual(second.get('mine'), ['–', '95.00 [94.70, 95.30]']);
    const third = rowsOf(text, 'Table 3');
    assert.deepEqual(third.get('KappaFace (memory buffer)'), ['98.77', '98.91']);
    assert.deepEqual(third.get('mine'), ['98.21 [97.91, 98.51]', '98.55 [98.35, 98.75]']);
    assert.match(text, /Published rows: .*github\.com\/Leminhbinh0209\/KappaFace/);
  });

  it('name a source for every published figure', () => {
    for (const { source, trained, values } of publishedRows) {
      assert.match(source, /github\.com/);
      assert.ok(trained.length > 0);
      for (const value of Object.values(values)) assert.match(value, /^\d\d\.\d{1,2}$/);
    }
  });

  it('have no table that nothing own is in', () => {
    assert.deepEqual(
      paperTables([named(withAccuracy('lfw', 0.9))]).map(({ title }) => title.slice(0, 7)),
      ['Table 1'],
    );
    assert.deepEqual(paperTables([named(withAccuracy('synth', 0.9))]), []);
    assert.equal(formatTables([]), '');
  });

  it('take the rule that the published numbers are by, whatever else was evaluated', () => {
    const other = {
      ...ijbRecord(MODEL, 'ijbc', 'N1D0F1'),
      numbers: [{ id: 'tar@far=1e-4', label: 'x', value: 0.5, isShare: true }],
    };
    const [table] = paperTables([named(ijbRecord(MODEL, 'ijbc')), named(other)]);
    assert.equal(table!.rows.at(-1)!.cells[2], '95.00 [94.70, 95.30]');
    assert.deepEqual(paperTables([named(other)]), []);
  });

  it('take the newest of two evaluations of one set, in any order', () => {
    const old = withAccuracy('lfw', 0.9, { made: '2026-01-01T00:00:00.000Z' });
    const young = withAccuracy('lfw', 0.95, { made: '2026-02-01T00:00:00.000Z' });
    for (const records of [
      [old, young],
      [young, old],
    ]) {
      const [table] = paperTables(records.map((record) => named(record)));
      assert.equal(table!.rows.at(-1)!.cells[1], '95.00');
    }
  });

  it('have a row for each model', () => {
    const [table] = paperTables([named(withAccuracy('lfw', 0.9), 'a'), named(withAccuracy('lfw', 0.8), 'b')]);
    assert.deepEqual(
      table!.rows.filter(({ isPublished }) => !isPublished).map(({ cells }) => [cells[0], cells[1]]),
      [
        ['a', '90.00'],
        ['b', '80.00'],
      ],
    );
  });
});

describe('tables of all numbers', () => {
  it('put records with the same numbers into one', () => {
    const tables = numberTables([
      named(withAccuracy('lfw', 0.9)),
      named(verificationRecord(MODEL, 'calfw')),
      named(withAccuracy('cplfw', 0.8)),
    ]);
    assert.deepEqual(
      tables.map(({ header, rows }) => [header.length, rows.map(({ cells }) => cells[1])]),
      [
        [3, ['lfw', 'cplfw']],
        [7, ['calfw']],
      ],
    );
    assert.equal(tables[1]!.rows[0]!.cells.at(-1), '21.337', 'no percentage');
  });

  it('turn the numbers of groups into a row each', () => {
    const [table] = partTables(named(groupsRecord(MODEL)));
    assert.deepEqual(table!.header, ['Group', 'accuracy, %', 'FMR, %', 'FNMR, %']);
    assert.deepEqual(
      table!.rows.map(({ cells }) => cells[0]),
      ['African', 'Asian', 'Caucasian', 'Indian'],
    );
    assert.equal(table!.rows[1]!.cells[1], '96.00 [95.50, 96.50]');
    assert.deepEqual(partTables(named(withAccuracy('lfw', 0.9))), []);
    const behind = ['Asian', 'Indian'].flatMap((group, g) => [
      { id: `accuracy/${group}`, label: `accuracy, ${group}`, value: 0.9 + g / 100, isShare: true },
      { id: `fmr@fmr=1e-3/${group}`, label: `FMR at fmr=1e-3, ${group}`, value: 0.001, isShare: true },
    ]);
    const [other] = partTables(named({ ...groupsRecord(MODEL), numbers: behind }));
    assert.deepEqual(other!.header, ['Group', 'accuracy, %', 'FMR at fmr=1e-3, %']);
    assert.deepEqual(other!.rows[1]!.cells, ['Indian', '91.00', '0.10']);
  });

  it('turn the numbers of several sets of distractors into a row each', () => {
    const numbers = [1000, 100].flatMap((size) => [
      {
        id: `rank-1/${size}`,
        label: `rank 1 among ${size.toLocaleString('en-US')}`,
        value: 0.9,
        isShare: true,
      },
      {
        ...{ id: `tar@far=1e-6/${size}`, value: 0.8, isShare: true },
        label: `TAR at FAR 1e-6 with ${size.toLocaleString('en-US')} distractors`,
      },
    ]);
    const [table] = partTables(named({ ...megafaceRecord(MODEL), numbers }));
    assert.deepEqual(table!.header, ['Distractors', 'rank 1, %', 'TAR at FAR 1e-6, %']);
    assert.deepEqual(
      table!.rows.map(({ cells }) => cells.join(' ')),
      ['1000 90.00 80.00', '100 90.00 80.00'],
    );
  });

  it('say how many distractors there were, where not as many as in the paper', () => {
    const record = megafaceRecord(MODEL);
    const [table] = paperTables([named({ ...record, counts: { distractors: 5000 } })]);
    assert.equal(table!.rows.at(-1)!.cells[0], 'mine, 5,000 distractors');
    const [whole] = paperTables([named(record)]);
    assert.equal(whole!.rows.at(-1)!.cells[0], 'mine');
  });
});

describe('a record as Markdown', () => {
  it('has numbers, intervals, facts, and the paper beside them', () => {
    const text = formatRecord(verificationRecord(MODEL, 'lfw'));
    assert.match(text, /^# lfw\n/);
    assert.match(text, /\| base \(step 565\) \| lfw \| \d\d\.\d\d \[/);
    assert.match(text, /95% intervals, 4,281 identities drawn 1,000 times \(seed 1\)/);
    assert.match(text, /- Flags: flip true/);
    assert.match(text, /- Data: \/data\/set\.bin: 6,000 pairs/);
    assert.match(text, /## Table 1[^]*KappaFace \(memory buffer\)/);
  });

  it('holds names as text', () => {
    const evil = 'a|b\n| c <img src=x onerror=alert(1)> [x](javascript:alert(1)) `code`';
    const text = formatRecord({ ...withAccuracy(evil, 0.9), model: evil, data: evil, protocol: evil });
    assert.doesNotMatch(text, /<img/);
    assert.doesNotMatch(text, /\]\(/);
    for (const line of text.split('\n').filter((line) => line.startsWith('|')))
      assert.equal(line.replaceAll('\\|', '').match(/\|/g)?.length, 4, line);
  });
});

describe('the name of a model', () => {
  it('is that of its run, with the step', () => {
    assert.equal(nameOfModel('runs/base/checkpoints/step-00000565'), 'base (step 565)');
    assert.equal(nameOfModel('/x/runs/base/checkpoints/step-00000565/'), 'base (step 565)');
    assert.equal(nameOfModel('/x/runs/base/checkpoints/best'), 'base');
    assert.equal(nameOfModel('features/r100.npy'), 'r100.npy');
  });
});
