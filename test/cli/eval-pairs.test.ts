import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { readVerificationSet, Trainer, writeVerificationSet } from '../../lib';
import { readRecords } from '../../lib/eval/records/files';
import { FACE_TEMPLATE } from '../../lib/image/align';
import { resolveCheckpoint } from '../../lib/run/checkpoint';
import { temporaryFolder, writeFile } from '../support/folder';
import { LaunchedRun } from '../support/launched-run';
import { runKappaEach, type Ended } from '../support/run-kappa';
import { tinyConfig, tinyFaces } from '../support/tiny-run';

describe('kappa eval on lists of pairs', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();
  const root = path.join(folder, 'lfw');
  const videos = path.join(folder, 'videos');
  const set = path.join(folder, 'all.bin');
  let run: string;

  before(async () => {
    const faces = await tinyFaces(path.join(folder, 'cache'));
    const config = tinyConfig(faces, path.join(folder, 'runs'), { train: { epochs: 1, batchSize: 8 } });
    run = (await new Trainer(config).run()).folder;
    const { images, isSame } = await readVerificationSet(path.join(faces, 'synth.bin'));
    // The images of synthetic pairs, under names of people: what is right about them does not matter here.
    for (let i = 0; i < 24; i++) {
      const [person, number] = [`P${i % 6}`, 1 + Math.floor(i / 6)];
      writeFile(root, `${person}/${person}_000${number}.jpg`, images[i]!);
      writeFile(videos, `${person}/${number % 2}/${number % 2}.${number}.jpg`, images[i]!);
    }
    await writeVerificationSet(set, { images: [...images, ...images], isSame: [...isSame, ...isSame] });
  });

  const pairsText = (folds: number, perFold: number): string => {
    const lines = [folds === 1 ? `${perFold}` : `${folds}\t${perFold}`];
    for (let f = 0; f < folds; f++) {
      for (let i = 0; i < perFold; i++) lines.push(`P${(f + i) % 6}\t1\t${2 + (i % 3)}`);
      for (let i = 0; i < perFold; i++) lines.push(`P${(f + i) % 6}\t1\tP${(f + i + 1) % 6}\t${1 + (i % 4)}`);
    }
    return `${lines.join('\n')}\n`;
  };
  const json = ({ code, stdout, stderr }: Ended): Record<string, unknown> => {
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  /** What was printed, without when it was made. */
  const timeless = (ended: Ended): unknown => withoutTimes(json(ended));
  const withoutTimes = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value, (key, inner: unknown) => (key === 'made' ? undefined : inner)));

  it('LFW: a checkpoint and its features give the same result, recorded with the run', async () => {
    const pairs = writeFile(folder, 'pairs.txt', pairsText(10, 3));
    const [test, train] = [
      writeFile(folder, 'dev-test.txt', pairsText(1, 8)),
      writeFile(folder, 'dev-train.txt', pairsText(1, 12)),
    ];
    const f = path.join(folder, 'f');
    const features = [
      '--features',
      `${f}/features.npy`,
      '--mirrored',
      `${f}/mirrored.npy`,
      '--index',
      `${f}/index.txt`,
    ];
    const lfw = ['eval', 'lfw'];
    const [table, embedded, whole, apart, dev, lone, none, both, rootless, gone] = runKappaEach([
      [...lfw, run, '--root', root, '--pairs', pairs],
      ['embed', run, root, '--output', f],
      [...lfw, run, '--root', root, '--pairs', pairs, '--json'],
      [...lfw, ...features, '--pairs', pairs, '--json'],
      [...lfw, run, '--root', root, '--pairs', test, '--train-pairs', train, '--no-flip'],
      [...lfw, run, '--root', root, '--pairs', test],
      [...lfw, '--pairs', pairs],
      [...lfw, run, ...features, '--pairs', pairs],
      [...lfw, run, '--pairs', pairs],
      [...lfw, run, '--root', folder, '--pairs', pairs],
    ]) as Ended[] as [Ended, Ended, Ended, Ended, Ended, Ended, Ended, Ended, Ended, Ended];
    assert.equal(embedded.code, 0, embedded.stderr);
    assert.match(table.stdout, /\+- std \(insightface\) +\+- standard error \(official\)/);
    assert.match(table.stdout, /images of 6 people, 60 pairs, 30 of them of one person/);
    assert.match(table.stdout, /LFW: the 10 folds of the list; .*; crop centre, flip true/);
    const [a, b] = [json(whole), json(apart)];
    assert.deepEqual(a.folds, b.folds);
    assert.deepEqual(a.counts, b.counts);
    assert.match(whole.stderr, /Wrote /);
    assert.doesNotMatch(apart.stderr, /Wrote /);
    const { accuracy, std, standardError } = a.folds as Record<string, number>;
    assert.ok(Math.abs(standardError! - std! / 3) < 1e-12);
    const [record] = (await readRecords(path.join(run, 'evaluations'))).filter(
      ({ benchmark, variant }) => benchmark === 'lfw' && variant === undefined,
    );
    assert.equal(record!.numbers[0]!.value, accuracy);
    assert.equal(record!.model, await resolveCheckpoint(run));
    assert.equal(
      record!.histograms[0]!.counts.reduce((sum, count) => sum + count, 0),
      30,
    );
    assert.match(dev.stdout, /training pairs \(24\)[\s\S]*flip false/);
    assert.match(lone.stdout, /the same pairs \(16\)[\s\S]*which flatters/);
    assert.match(none.stderr, /a checkpoint, or --features: one of them/);
    assert.match(both.stderr, /a checkpoint, or --features: one of them/);
    assert.match(rootless.stderr, /--root is needed/);
    assert.match(gone.stderr, /\d+ of \d+ images of the pairs are not in/);
  });

  it('LFW, YTF and groups: several processes give what one does', async () => {
    const pairs = writeFile(folder, 'launched.txt', pairsText(10, 2));
    const splits = writeFile(
      folder,
      'launched-splits.txt',
      Array.from(
        { length: 12 },
        (_, i) => `${1 + Math.floor(i / 4)}, 1, P${i % 6}/0, P${(i + (i % 2)) % 6}/1, ${1 - (i % 2)}\n`,
      ).join(''),
    );
    const commands = [
      ['eval', 'lfw', run, '--root', root, '--pairs', pairs],
      ['eval', 'ytf', run, '--root', videos, '--splits', splits],
      ['eval', 'groups', run, '--data', `a=${set}`, `b=${set}`],
    ].map((command) => [...command, '--batch-size', '4', '--json']);
    const alone = runKappaEach(commands);
    for (const [i, command] of commands.entries()) {
      const launched = new LaunchedRun(['--nproc-per-node', '3', ...command]);
      assert.equal(await launched.ended, 0, launched.text);
      const lines = launched.text.split('\n').filter((text) => text.startsWith('{'));
      assert.deepEqual(
        lines.map((text) => withoutTimes(JSON.parse(text))),
        [timeless(alone[i]!)],
      );
    }
    const [doctor] = runKappaEach([['launch', '--nproc-per-node', '2', 'eval', 'doctor', run, set]]);
    assert.match(doctor!.stderr, /ERR_USAGE.*kappa eval doctor runs in one process/);
  });

  it('YTF: every setting is told; features and a cache give the same', async () => {
    const lines = ['split number, second number, first name, second name, is same'];
    for (let s = 1; s <= 5; s++)
      for (let i = 0; i < 4; i++)
        lines.push(`${s}, ${i}, P${(s + i) % 6}/0, P${(s + i + (i % 2)) % 6}/1, ${1 - (i % 2)}`);
    const splits = writeFile(folder, 'splits.txt', `${lines.join('\n')}\n`);
    const [f, cache] = [path.join(folder, 'fv'), path.join(folder, 'cache-ytf')];
    const ytf = ['eval', 'ytf', run, '--root', videos, '--splits', splits, '--batch-size', '4'];
    const embed = ['embed', run, videos, '--output', f, '--mirror', 'none', '--batch-size', '4'];
    const features = ['--features', `${f}/features.npy`, '--index', `${f}/index.txt`];
    const landmarks = writeFile(
      folder,
      'ytf-landmarks.txt',
      ['P0/0/0.2.jpg', 'P1/0/0.2.jpg'].map((name) => `${name} ${FACE_TEMPLATE.flat().join(' ')}\n`).join(''),
    );
    const [table, , whole, apart, cached, again, pairs, drawn, flipped, lost, wrong] = runKappaEach([
      ytf,
      embed,
      [...ytf, '--json'],
      ['eval', 'ytf', ...features, '--splits', splits, '--json'],
      [...ytf, '--cache', cache, '--json'],
      [...ytf, '--cache', cache, '--pooling', 'meanRaw', '--json'],
      [...ytf, '--frame-pairs', 'min', '--frames', 'first1', '--json'],
      [...ytf, '--frames', 'random1', '--seed', '3'],
      [...ytf, '--flip', '--crop', '0,0,112'],
      [...ytf, '--landmarks', landmarks],
      [...ytf, '--frames', 'last3'],
    ]) as Ended[] as [Ended, Ended, Ended, Ended, Ended, Ended, Ended, Ended, Ended, Ended, Ended];
    assert.match(
      table.stdout,
      /12 videos, 24 frames, 20 pairs, 10 of them of one person\n.*pooled by meanOfNormalised, L2; .* 5 folds, the splits of the list; frames all, pooling meanOfNormalised, crop centre, flip false/,
    );
    const numbers = (ended: Ended): unknown[] => {
      const { accuracy, foldAccuracies, auc } = json(ended);
      return [accuracy, foldAccuracies, auc];
    };
    assert.deepEqual(numbers(apart), numbers(whole));
    assert.deepEqual(numbers(cached), numbers(whole));
    assert.match(again.stderr, /All 24 features are there already/);
    assert.equal((json(again).flags as { pooling: string }).pooling, 'meanRaw');
    assert.deepEqual(json(pairs).flags, { frames: 'first1', framePairs: 'min', crop: 'centre', flip: false });
    assert.match(drawn.stdout, /12 videos, 12 frames[\s\S]*frames random1 \(seed 3\)/);
    assert.match(flipped.stdout, /crop 0,0,112, flip true/);
    assert.match(lost.stderr, /10 of 12 videos have no frame in .*--skip-missing/);
    assert.equal(wrong.code, 2);
    const records = await readRecords(path.join(run, 'evaluations'));
    assert.ok(records.some(({ benchmark }) => benchmark === 'ytf'));
  });

  it('groups: at one threshold, from sets or from a list', () => {
    const pairs = writeFile(folder, 'grouped.txt', pairsText(1, 30));
    const groups = writeFile(folder, 'groups.txt', 'P0\told\nP1\told\nP2\told\nP3\tnew\nP4\tnew\nP5\tnew\n');
    const command = ['eval', 'groups', run];
    const [table, listed, one, mixed, lone, flags] = runKappaEach([
      [...command, '--data', `African=${set}`, `Asian=${set}`],
      [...command, '--pairs', pairs, '--groups', groups, '--root', root, '--json'],
      [...command, '--data', set],
      [...command, '--data', set, '--pairs', pairs],
      [...command, '--pairs', pairs],
      [...command, '--data', set, set, '--no-flip'],
    ]) as Ended[] as [Ended, Ended, Ended, Ended, Ended, Ended];
    assert.equal(table.code, 0, table.stderr);
    assert.match(table.stdout, /African +\d+\.\d\d .* 40 +20\nAsian /);
    assert.match(
      table.stdout,
      /by fmr=1e-3: .*\(40 impostor pairs are too few to see that FMR: none is accepted\)/,
    );
    assert.match(table.stdout, /by best accuracy: squared distance < \d\.\d{4}\n.*\n.*\n.*\nall /);
    const { groups: found, thresholds } = json(listed) as {
      groups: { name: string }[];
      thresholds: { between: unknown[] }[];
    };
    assert.deepEqual(
      found.map(({ name }) => name),
      ['new', 'old'],
    );
    assert.equal(thresholds[0]!.between.length, 1);
    assert.match(one.stderr, /at least two groups/);
    assert.match(mixed.stderr, /Expected --data, a set for each group; or --pairs/);
    assert.match(lone.stderr, /--pairs and --groups go together/);
    assert.match(flags.stderr, /are of image files/);
  });

  it('doctor: a table of what was tried', () => {
    const [table, parsed, few] = runKappaEach([
      ['eval', 'doctor', run, set, '--pairs', '20'],
      ['eval', 'doctor', run, set, '--pairs', '20', '--json'],
      ['eval', 'doctor', run, set, '--pairs', '6'],
    ]) as [Ended, Ended, Ended];
    assert.equal(table.code, 0, table.stderr);
    assert.match(table.stdout, /as they are +\d+\.\d\d/);
    assert.match(table.stdout, /red and blue exchanged \(BGR; insightface: swapRB\)/);
    assert.match(table.stdout, /20 pairs, 10 of them of one person \(seed 0\)/);
    assert.equal((json(parsed).variants as unknown[]).length, 12);
    assert.match(few.stderr, /so few tell nothing/);
  });

  it('IJB: goes on from its cache, over several processes too', async () => {
    const ijb = path.join(folder, 'ijb');
    const images = Array.from({ length: 24 }, (_, i) => {
      const person = `P${i % 6}`;
      return readFileSync(path.join(root, person, `${person}_000${1 + Math.floor(i / 6)}.jpg`));
    });
    images.forEach((image, i) => writeFile(ijb, `loose_crop/${i + 1}.jpg`, image));
    const meta = (name: string, of: (i: number) => string, count = 24): string =>
      writeFile(ijb, `meta/ijbc_${name}.txt`, Array.from({ length: count }, (_, i) => `${of(i)}\n`).join(''));
    meta('face_tid_mid', (i) => `${i + 1}.jpg ${i % 12} ${i}`);
    meta('name_5pts_score', (i) => `${i + 1}.jpg ${FACE_TEMPLATE.flat().join(' ')} 0.9`);
    meta('template_pair_label', (i) => `${i} ${(i + 6) % 12} ${i % 2}`, 12);
    const args = ['eval', 'ijb', run, '--set', 'ijbc', '--root', ijb, '--batch-size', '4', '--json'];
    const cache = path.join(folder, 'cache-ijb');
    const [plain, cached, again, unlike, lone] = runKappaEach([
      args,
      [...args, '--cache', cache],
      [...args, '--cache', cache, '--norm', 'unit'],
      [...args.slice(0, -2), '8', '--cache', cache],
      ['eval', 'ijb', '--set', 'ijbc', '--root', ijb, '--features', 'x.npy', '--cache', cache],
    ]) as [Ended, Ended, Ended, Ended, Ended];
    assert.deepEqual(timeless(cached), timeless(plain));
    assert.match(again.stderr, /All 24 features are there already/);
    assert.match(unlike.stderr, /made otherwise: batchSize 4 instead of 8/);
    assert.match(lone.stderr, /--cache goes with a checkpoint/);
    for (const more of [[], ['--cache', path.join(folder, 'cache-three')]]) {
      const launched = new LaunchedRun(['--nproc-per-node', '3', ...args, ...more]);
      assert.equal(await launched.ended, 0, launched.text);
      const line = launched.text.split('\n').filter((text) => text.startsWith('{'));
      assert.deepEqual(
        line.map((text) => withoutTimes(JSON.parse(text))),
        [timeless(plain)],
      );
    }
    rmSync(cache, { recursive: true });
    writeFileSync(path.join(ijb, 'loose_crop', '7.jpg'), 'no image');
    const broken = new LaunchedRun(['--nproc-per-node', '2', ...args, '--cache', cache]);
    assert.notEqual(await broken.ended, 0);
    assert.match(broken.text, /ERR_DATA_CORRUPT.*ijbc: 7\.jpg/);
  });
});
