import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import sharp from 'sharp';

import { writeVerificationSet } from '../../lib/data/protocols/verification-set';
import { writeRecord } from '../../lib/eval/records/files';
import { quantile } from '../../lib/report/html/margin-charts';
import type { Chart } from '../../lib/report/html/chart';
import { thin } from '../../lib/report/html/thin';
import { reportTables, reportText, writeReport } from '../../lib/report/report';
import { rejects } from '../support/assert';
import { drawRun } from '../support/drawn-run';
import { groupsRecord, ijbRecord, megafaceRecord, verificationRecord } from '../support/evaluation-records';
import { temporaryFolder } from '../support/folder';

/** The charts that a page holds. */
function chartsOf(page: string): Chart[] {
  const text = /<script type="application\/json" id="charts">(.*?)<\/script>/s.exec(page)?.[1];
  assert.ok(text !== undefined, 'the page has charts');
  return JSON.parse(text) as Chart[];
}

function idsOf(page: string): string[] {
  return chartsOf(page).map(({ id }) => id);
}

describe('the report of a run', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  const model = (run: string, seed = 1) => ({
    seed,
    model: path.join(folder, run, 'checkpoints', 'step-00000400'),
  });
  let run: string;
  let page: string;
  before(async () => {
    run = await drawRun(path.join(folder, 'one'), {
      records: [
        verificationRecord(model('one'), 'lfw'),
        ijbRecord(model('one'), 'ijbc'),
        megafaceRecord(model('one')),
        groupsRecord(model('one')),
      ],
    });
    page = await reportText([run]);
  });

  it('has every curve of training, the margins, and the curves of the evaluations', () => {
    const ids = idsOf(page);
    for (const id of ['loss', 'accuracy', 'cosine', 'lr', 'speed', 'gradient'])
      assert.ok(ids.includes(id), `${id} of ${ids.join()}`);
    for (const id of ['kappa-0', 'margin-0', 'margin-size', 'margin-kappa']) assert.ok(ids.includes(id), id);
    const kinds = ids.map((id) => id.split('-')[0]);
    for (const kind of ['roc', 'det', 'cmc', 'scores']) assert.ok(kinds.includes(kind), kind);
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.ok(page.includes(`id="chart-${id}"`), `a place for ${id}`);
  });

  it('shows what metrics.jsonl has, with gaps left out', () => {
    const charts = new Map(chartsOf(page).map((chart) => [chart.id, chart]));
    const [loss] = charts.get('loss')!.series;
    assert.equal(loss!.x.length, 400);
    assert.ok(Math.abs(loss!.y[0]! - 30) < 1);
    assert.equal(charts.get('gradient')!.series[0]!.x.length, 399);
    assert.deepEqual(
      charts.get('accuracy')!.series.map(({ label, x, y }) => [label, x, y]),
      [
        ['lfw', [100, 200, 300, 400], [0.9, 0.91, 0.92, 0.93]],
        ['cfp_fp', [100, 200, 300, 400], [0.88, 0.89, 0.9, 0.91]],
      ],
    );
    const { heat } = charts.get('kappa-0')!;
    assert.equal(heat!.counts.length, 4);
    // Every class is in some bin.
    for (const column of heat!.counts)
      assert.ok(Math.abs(column.reduce((sum, count) => sum + count, 0) - 300) < 0.1);
    const points = charts.get('margin-size')!.series[0]!;
    assert.equal(points.x.length, 300);
    assert.deepEqual(
      points.x,
      points.x.toSorted((a, b) => a - b),
    );
  });

  it('keeps curves ascending, within the numbers of the evaluation, with their bands', () => {
    for (const { series, id, x } of chartsOf(page).filter(({ id }) => /^(roc|det|cmc)/.test(id)))
      for (const one of series) {
        one.x.forEach((value, i) => assert.ok(i === 0 || value > one.x[i - 1]!, `${id} ascends`));
        if (x.isLog) assert.ok(one.x.every((value) => value > 0));
        one.low?.forEach((low, i) => assert.ok(low <= one.high![i]!));
      }
  });

  it('shows every score once, whatever the bins', () => {
    const record = verificationRecord(model('one'), 'lfw');
    const chart = chartsOf(page).find(({ id }) => id === 'scores-0-0')!;
    assert.deepEqual(
      chart.series.map(({ label }) => label),
      ['genuine', 'impostor'],
    );
    for (const [i, { x, y }] of chart.series.entries()) {
      assert.ok(x.length <= 61 && x.length === y.length);
      const sum = y.reduce<number>((total, value) => total + value!, 0);
      assert.ok(Math.abs(sum - 1) < 1e-3, `shares add up to ${sum}`);
      // The mean score is that of the record.
      const { edges, counts } = record.histograms[i]!;
      const pairs = counts.reduce((total, count) => total + count, 0);
      const expected = counts.reduce(
        (mean, count, b) => mean + (count / pairs) * ((edges[b]! + edges[b + 1]!) / 2),
        0,
      );
      const mean = y
        .slice(0, -1)
        .reduce<number>((total, value, b) => total + value! * ((x[b]! + x[b + 1]!) / 2), 0);
      assert.ok(Math.abs(mean - expected) < 0.01, `${mean} and ${expected}`);
    }
  });

  it('has the tables of the paper with its rows, and one for groups of people', () => {
    assert.match(page, /Table 1: verification accuracy/);
    assert.match(page, /Table 2: 1:1 verification/);
    assert.match(page, /Table 3: MegaFace/);
    for (const text of ['98.69', '96.4', '98.91', 'African', 'Caucasian', 'KappaFace (memory buffer)'])
      assert.ok(page.includes(text), text);
  });

  it('asks for nothing: no address is loaded, and its policy forbids it', () => {
    assert.match(page, /Content-Security-Policy" content="default-src &#39;none&#39;/);
    assert.doesNotMatch(page, /<(link|iframe|object|embed)\b/);
    assert.doesNotMatch(page, /\b(src|href)="(?!#|data:)/);
    assert.doesNotMatch(page, /@import|url\(/);
    assert.match(page, /Permission is hereby granted, free of charge[^]*uPlot/);
  });

  it('holds names of files as text, whatever they are', async () => {
    const evil = '</script><script>alert(1)</script><img src=x onerror="alert(1)">\'&';
    const name = 'a<b>&"\'';
    const record = verificationRecord({ ...model('x'), model: evil, data: evil }, `s${evil}`);
    const numbers = [...record.numbers, { id: `${evil}/fmr`, label: evil, value: 0.5, isShare: true }];
    const evilRun = await drawRun(path.join(folder, name), {
      sets: [evil],
      changes: { data: { root: evil } },
    });
    mkdirSync(path.join(evilRun, 'evaluations'));
    writeFileSync(
      path.join(evilRun, 'evaluations', 'evil.json'),
      JSON.stringify({ ...record, numbers, protocol: evil, flags: { [evil]: evil }, counts: { [evil]: 1 } }),
    );
    const text = await reportText([evilRun]);
    assert.doesNotMatch(text, /<img src=x/);
    // The library's, the report's own, and the charts.
    assert.equal(text.match(/<script/g)?.length, 2);
    assert.equal(text.match(/<\/script/g)?.length, 2);
    assert.doesNotMatch(text, /<b>&/);
    assert.ok(chartsOf(text).some(({ title, series }) => `${title}${series[0]?.label}`.includes(evil)));
    const tables = await reportTables([evilRun]);
    assert.doesNotMatch(tables, /<(img|script)/);
  });

  it('compares runs in the same charts', async () => {
    const other = await drawRun(path.join(folder, 'other'), {
      records: [verificationRecord(model('other', 7), 'lfw')],
    });
    const text = await reportText([run, other]);
    const charts = new Map(chartsOf(text).map((chart) => [chart.id, chart]));
    const labels = (id: string) => charts.get(id)?.series.map(({ label }) => label);
    assert.deepEqual(labels('loss'), ['one', 'other']);
    assert.deepEqual(labels('accuracy-0'), ['one', 'other']);
    assert.deepEqual(labels('roc-0'), ['one', 'other']);
    assert.ok(charts.has('kappa-0') && charts.has('kappa-1'));
  });

  it('stays below two megabytes for a long run', async () => {
    const long = await drawRun(path.join(folder, 'long'), { steps: 100_000, epochs: 40, sample: 2000 });
    const file = await writeReport([long]);
    assert.equal(file, path.join(long, 'report.html'));
    assert.ok(statSync(file).size < 2e6, `${statSync(file).size} bytes`);
  });

  it('says what is not there', async () => {
    await rejects(reportText([path.join(folder, 'nowhere')]), 'ERR_DATA_NOT_FOUND', /no run.*no evaluations/);
    await rejects(writeReport([], 'x.html'), 'ERR_ARGUMENT', /folder of a run/);
    await rejects(writeReport([run, run]), 'ERR_ARGUMENT', /needs a file/);
    await rejects(writeReport([run], path.join(folder, 'no', 'x.html')), 'ERR_IO', /no/);
    const broken = await drawRun(path.join(folder, 'broken'));
    writeFileSync(path.join(broken, 'result.json'), '{');
    await rejects(reportText([broken]), 'ERR_DATA_CORRUPT', /result\.json is damaged/);
    writeFileSync(path.join(broken, 'metrics.jsonl'), 'x\n{"step":1}\n');
    await rejects(reportText([broken]), 'ERR_DATA_CORRUPT', /metrics/);
  });

  it('shows a run that has just begun, and a folder with evaluations alone', async () => {
    const begun = path.join(folder, 'begun');
    mkdirSync(begun);
    writeFileSync(path.join(begun, 'config.json'), readFileSync(path.join(run, 'config.json')));
    assert.deepEqual(idsOf(await reportText([begun])), []);
    const alone = path.join(folder, 'alone');
    await writeRecord(alone, verificationRecord(model('x'), 'lfw'));
    assert.deepEqual(idsOf(await reportText([alone])), ['roc-0', 'det-0', 'scores-0-0']);
  });
});

describe('pictures of the hardest pairs', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  it('are in the page only where asked for, small, and never from outside the data', async () => {
    const image = (shade: number): Promise<Buffer> =>
      sharp({ create: { width: 160, height: 160, channels: 3, background: { r: shade, g: 90, b: 40 } } })
        .png()
        .toBuffer();
    const images = await Promise.all([10, 200, 90, 30].map(image));
    const data = path.join(folder, 'pairs.bin');
    await writeVerificationSet(data, { images, isSame: [true, false] });
    const secret = path.join(folder, 'secret.png');
    writeFileSync(secret, images[0]!);
    const crops = path.join(folder, 'crops');
    mkdirSync(crops);
    writeFileSync(path.join(crops, 'a.png'), images[1]!);
    const base = { seed: 1, model: 'features.npy' };
    const pair = (first: string, second: string, isSame: boolean) => ({ first, second, isSame, score: 0.3 });
    const records = [
      {
        ...verificationRecord({ ...base, data }, 'bin'),
        hardest: [pair('0', '1', true), pair('2', '3', false), pair('9', '3', false)],
      },
      {
        ...verificationRecord({ ...base, data: crops }, 'crops'),
        hardest: [pair('a.png', '../secret.png', true), pair('a.png', 'missing.png', false)],
      },
      {
        ...verificationRecord({ ...base, data: path.join(folder, 'gone.bin') }, 'gone'),
        hardest: [pair('0', '1', true)],
      },
    ];
    const run = await drawRun(path.join(folder, 'run'), { records });
    assert.doesNotMatch(await reportText([run]), /<img/);
    const said: string[] = [];
    const page = await reportText([run], { pictures: true, onMessage: (text) => said.push(text) });
    const sources = [...page.matchAll(/<img\s+src="data:image\/jpeg;base64,([^"]+)"/g)].map(
      (found) => found[1]!,
    );
    // Of bin all but number 9, of crops only a.png, twice.
    assert.equal(sources.length, 5 + 2);
    const { width, height, format } = await sharp(Buffer.from(sources[0]!, 'base64')).metadata();
    assert.deepEqual([width, height, format], [112, 112, 'jpeg']);
    assert.equal(page.match(/no picture/g)?.length, 3);
    assert.match(said.join('\n'), /gone are left out/);
  });
});

describe('thinning a series', () => {
  it('keeps first, last, and every peak; short ones stay whole', () => {
    const x = Array.from({ length: 100_000 }, (_, i) => i);
    const y = x.map((i) => Math.sin(i / 900));
    for (const [at, value] of [
      [31_337, 50],
      [77_777, -50],
    ] as const)
      y[at] = value;
    const thinned = thin({ x, y }, 500);
    assert.ok(thinned.x.length <= 4 * 500);
    assert.deepEqual([thinned.x[0], thinned.x.at(-1)], [0, 99_999]);
    assert.equal(thinned.y[thinned.x.indexOf(31_337)], 50);
    assert.equal(thinned.y[thinned.x.indexOf(77_777)], -50);
    thinned.x.forEach((value, i) => assert.equal(thinned.y[i], y[value]));
    thinned.x.forEach((value, i) => assert.ok(i === 0 || value > thinned.x[i - 1]!));
    assert.deepEqual(thin({ x: [1, 2], y: [5, 6] }), { x: [1, 2], y: [5, 6] });
    assert.deepEqual(thin({ x: [], y: [] }), { x: [], y: [] });
  });
});

describe('a quantile of a histogram', () => {
  it('is that of the values, within a bin', () => {
    const histogram = { min: 0, mean: 5, max: 10, edges: [0, 2, 4, 6, 8, 10], counts: [20, 20, 20, 20, 20] };
    for (const share of [0.05, 0.25, 0.5, 0.95])
      assert.ok(Math.abs(quantile(histogram, share) - 10 * share) < 1e-9);
    assert.equal(quantile({ ...histogram, counts: [0, 0, 1, 0, 0], min: 5, max: 5 }, 0.5), 5);
  });
});
