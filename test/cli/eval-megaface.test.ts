import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { Trainer } from '../../lib';
import type { MegafaceResult } from '../../lib';
import type { EvaluationRecord } from '../../lib/eval/records/record';
import { writeSyntheticMegaface } from '../../scripts/dev/synthetic/megaface';
import { drawPicture } from '../../scripts/dev/synthetic/pictures';
import { temporaryFolder, writeFile } from '../support/folder';
import { runKappaEach } from '../support/run-kappa';
import { tinyConfig, tinyFaces } from '../support/tiny-run';

type Summary = Pick<MegafaceResult, 'counts' | 'protocol'> & {
  sizes: { size: number; distractors: number; ranks: Record<number, number>; points: { tar: number }[] }[];
};

describe('kappa eval megaface', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();
  const [files, tables] = [path.join(folder, 'files'), path.join(folder, 'tables')];
  const options = {
    ...{ distractors: 3000, photos: [6, 9, 4, 3], sizes: [10, 2000], dimension: 32, seed: 2 },
    ending: '_r50.bin',
  };
  before(async () => {
    await writeSyntheticMegaface(files, { ...options, form: 'files' });
    await writeSyntheticMegaface(tables, { ...options, form: 'npy' });
  });
  const jsonOf = (text: string): Summary => (JSON.parse(text) as { result: Summary }).result;

  it('finds the same in files of features as in matrices, and writes what the devkit does', () => {
    const out = path.join(folder, 'out');
    const lists = ['--lists', path.join(files, 'templatelists'), '--sizes', '10', '2000'];
    const ofFiles = [
      ...['eval', 'megaface', '--facescrub', path.join(files, 'facescrub')],
      ...['--megaface', path.join(files, 'megaface'), '--features-ending', '_r50.bin'],
    ];
    const ofTables = [
      ...['eval', 'megaface', '--facescrub', path.join(tables, 'facescrub.npy')],
      ...['--megaface', path.join(tables, 'megaface.npy')],
    ];
    const noises = ['--noises', path.join(files, 'noises')];
    const [text, json, same, all, again, cleaned] = runKappaEach([
      [...ofFiles, ...lists, '--out', out],
      [...ofFiles, ...lists, '--json'],
      [...ofTables, ...lists, '--json'],
      [...ofTables, '--seed', '4', '--json'],
      [...ofFiles, '--seed', '4', '--json'],
      [...ofTables, ...lists, ...noises],
    ]);
    for (const ended of [text, json, same, all, again, cleaned]) assert.equal(ended!.code, 0, ended!.stderr);
    assert.match(text!.stdout, /^r50\ndistractors +rank 1 % .*\n +10 +\d.*\n +2,000 +\d/);
    assert.match(text!.stdout, /22 probes of 4 people, 120 pairs/);
    assert.match(text!.stdout, /no FAR below 2\.3e-5 can be told/);
    assert.match(text!.stdout, /distractors: the devkit's lists of set 1; no noise lists/);
    const summary = jsonOf(json!.stdout);
    assert.deepEqual(jsonOf(same!.stdout), summary);
    assert.deepEqual(
      summary.sizes.map(({ size, distractors }) => [size, distractors]),
      [
        [10, 10],
        [2000, 2000],
      ],
    );
    assert.equal(summary.counts.pairs, 120);
    // Without lists: all that is there, in an order of the seed. Files are sorted by name, rows are as they lie.
    assert.deepEqual(
      jsonOf(all!.stdout).sizes.map(({ size }) => size),
      [10, 100, 1000, 3000],
    );
    assert.deepEqual(jsonOf(all!.stdout).sizes.at(-1)!.ranks, jsonOf(again!.stdout).sizes.at(-1)!.ranks);
    assert.match(cleaned!.stdout, /Noise: \d+ probes and \d+ distractors matched the lists/);

    const read = <T>(file: string): T => JSON.parse(readFileSync(path.join(out, file), 'utf8')) as T;
    const record = read<EvaluationRecord>('megaface_r50.json');
    const [first] = record.numbers;
    const rank1 = summary.sizes[1]!.ranks[1]!;
    assert.deepEqual([first!.id, first!.label, first!.value], ['rank-1', 'rank 1 among 2,000', rank1]);
    assert.ok(first!.interval!.low < rank1 && rank1 < first!.interval!.high);
    assert.match(text!.stdout, /95% intervals among 2,000, from drawing probes: rank 1 \d+\.\d\d-\d+\.\d\d/);
    assert.ok(existsSync(path.join(out, 'megaface_r50.md')));
    assert.deepEqual(readdirSync(path.join(out, 'results')).sort(), [
      'cmc_facescrub_megaface_r50_10_1.json',
      'cmc_facescrub_megaface_r50_2000_1.json',
      'matches_facescrub_megaface_r50_10_1.json',
      'matches_facescrub_megaface_r50_2000_1.json',
    ]);
    const curves = read<Record<string, [number[], number[]]>>(
      'results/cmc_facescrub_megaface_r50_2000_1.json',
    );
    assert.deepEqual(Object.keys(curves), ['cmc', 'roc', 'traditional_cmc', 'cmcFull', 'rocFull']);
    assert.equal(curves.cmc![0][0], 0);
    assert.ok(Math.abs(curves.cmc![1][0]! - summary.sizes[1]!.ranks[1]!) < 1e-7);
    assert.deepEqual([curves.cmc![0].at(-1), curves.cmc![1].at(-1)], [2000, 1]);
    assert.deepEqual([curves.roc![0].at(-1), curves.roc![1].at(-1)], [1, 1]);
    // 2000 distractors and the other three people.
    assert.equal(curves.traditional_cmc![0].at(-1), 2003);
    const matches = read<{ probes: { idx: number[]; rank: number[] } }[]>(
      'results/matches_facescrub_megaface_r50_2000_1.json',
    );
    assert.equal(matches.length, 22);
    assert.deepEqual(matches[0]!.probes.idx, [1, 2, 3, 4, 5]);
    const ranks = matches.flatMap(({ probes }) => probes.rank);
    assert.equal(ranks.filter((rank) => rank === 0).length / 120, summary.sizes[1]!.ranks[1]);
  });

  it('embeds crops with a checkpoint, and keeps the record with its run', async () => {
    const crops = path.join(folder, 'crops');
    const size = { width: 112, height: 112 };
    for (let i = 0; i < 6; i++)
      writeFile(crops, `facescrub/p${i % 2}/p${i % 2}_${i}.png`, await drawPicture(i % 2, i, size, 1));
    for (let i = 0; i < 12; i++)
      writeFile(crops, `megaface/1/a@N0/${i}.jpg`, await drawPicture(50 + i, 0, size, 1));
    const faces = await tinyFaces(path.join(folder, 'cache'));
    const config = tinyConfig(faces, path.join(folder, 'runs'), { train: { epochs: 1, batchSize: 8 } });
    const { folder: run } = await new Trainer(config).run();
    const args = [
      ...['eval', 'megaface', run, '--facescrub', path.join(crops, 'facescrub')],
      ...['--megaface', path.join(crops, 'megaface'), '--sizes', '5', '12'],
    ];
    const [json, table] = runKappaEach([[...args, '--json'], args]);
    assert.equal(json!.code, 0, json!.stderr);
    const { counts, sizes } = jsonOf(json!.stdout);
    assert.deepEqual([counts.probes, counts.people, counts.pairs, counts.distractors], [6, 2, 12, 12]);
    assert.equal(sizes.length, 2);
    assert.equal(table!.code, 0, table!.stderr);
    const records = readdirSync(path.join(run, 'evaluations')).filter((name) => name.startsWith('megaface'));
    assert.equal(records.length, 2);

    // Kept features give the same, and are not made twice; several processes share the work.
    const cache = path.join(folder, 'kept');
    const kept = [...args, '--json', '--cache', cache];
    const [cached, again, ofFeatures] = runKappaEach([
      kept,
      kept,
      ['eval', 'megaface', '--facescrub', 'a.npy', '--megaface', 'b.npy', '--cache', cache],
    ]);
    assert.deepEqual(jsonOf(cached!.stdout), jsonOf(json!.stdout), cached!.stderr);
    assert.deepEqual(jsonOf(again!.stdout), jsonOf(json!.stdout));
    assert.match(again!.stderr, /All 12 features are there already/);
    assert.match(ofFeatures!.stderr, /--cache goes with a checkpoint/);
    const [launched, alone] = runKappaEach([
      ['launch', '--nproc-per-node', '2', ...args, '--json', '--cache', path.join(folder, 'kept-2')],
      ['launch', '--nproc-per-node', '2', ...args],
    ]);
    assert.equal(launched!.code, 0, launched!.stderr);
    assert.deepEqual(jsonOf(launched!.stdout), jsonOf(json!.stdout));
    assert.match(alone!.stderr, /need --cache/);
  });

  it('says what it was not given', () => {
    const places = ['--facescrub', path.join(files, 'facescrub'), '--megaface', path.join(files, 'megaface')];
    const table = path.join(tables, 'facescrub.npy');
    const ended = runKappaEach([
      ['eval', 'megaface', ...places],
      ['eval', 'megaface', 'runs/none', ...places, '--features-ending', '_r50.bin'],
      ['eval', 'megaface', '--facescrub', table, ...places.slice(2)],
      ['eval', 'megaface', ...places, '--features-ending', '_r100.bin'],
      ['eval', 'megaface', ...places, '--features-ending', '_r50.bin', '--sizes', '4000'],
      ['eval', 'megaface', ...places, '--features-ending', '_r50.bin', '--lists', folder],
      ['eval', 'megaface', ...places.slice(0, 2)],
    ]);
    const messages = [
      /Expected a checkpoint and two folders of crops/,
      /Expected a checkpoint and two folders of crops/,
      /Expected a checkpoint and two folders of crops/,
      /No file in .*facescrub or below it ends in _r100\.bin/,
      /There are 3000 distractors, but 4000 are asked for/,
      /There is no list .*facescrub_features_list\.json/,
      /required option '--megaface <place>'/,
    ];
    for (const [i, { code, stderr }] of ended.entries()) {
      assert.notEqual(code, 0);
      assert.match(stderr, messages[i]!);
    }
  });
});
