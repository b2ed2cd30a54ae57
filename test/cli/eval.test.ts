import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { Trainer, writeNpy } from '../../lib';
import { writeVerificationSet } from '../../lib/data/protocols/verification-set';
import type { VerificationResult } from '../../lib/eval/metrics/verification';
import { jpeg } from '../support/faces';
import { temporaryFolder } from '../support/folder';
import { tinyConfig, tinyFaces } from '../support/tiny-run';
import { interruptScript } from '../support/interrupt-kappa';
import { runKappa, runKappaEach, runScript } from '../support/run-kappa';

describe('kappa eval verification', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();
  let run: string;
  let set: string;
  before(async () => {
    const faces = await tinyFaces(path.join(folder, 'cache'));
    const config = tinyConfig(faces, path.join(folder, 'runs'), { train: { epochs: 1, batchSize: 8 } });
    run = (await new Trainer(config).run()).folder;
    set = path.join(faces, 'synth.bin');
  });

  it('prints a table, or one JSON value', () => {
    const text = runKappa(['eval', 'verification', run, '--data', set]);
    assert.equal(text.code, 0, text.stderr);
    assert.match(text.stdout, /step-\d{8}\nset +accuracy %.*\nsynth +\d+\.\d\d .* 20\n$/);
    const json = runKappa(['eval', 'verification', run, '--data', set, set, '--json']);
    assert.equal(json.code, 0, json.stderr);
    assert.equal(json.stdout.trimEnd().split('\n').length, 1);
    const { results } = JSON.parse(json.stdout) as { results: VerificationResult[] };
    assert.deepEqual(
      results.map(({ name, pairs }) => [name, pairs]),
      [
        ['synth', 20],
        ['synth', 20],
      ],
    );
  });

  it('takes all sets of a folder, and leaves records that two models are compared by', () => {
    const out = path.join(folder, 'records');
    const sets = path.join(folder, 'sets');
    mkdirSync(sets);
    for (const name of ['b.bin', 'a.bin']) copyFileSync(set, path.join(sets, name));
    const { code, stdout, stderr } = runKappa(['eval', 'verification', run, '--data', sets, '--out', out]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /\na .*\nb .*\n$/);
    const names = readdirSync(out).sort();
    assert.equal(names.length, 4);
    assert.match(names[0]!, /^a_verification_step-\d{8}\.json$/);
    assert.ok(stderr.includes(`Wrote ${path.join(out, names[0]!)}`), stderr);
    const inRun = readdirSync(path.join(run, 'evaluations'));
    assert.deepEqual(inRun.map((name) => path.extname(name)).sort(), ['.json', '.md']);

    const diff = runKappa(['eval', 'diff', out, out, '--json']);
    assert.equal(diff.code, 0, diff.stderr);
    const { comparisons } = JSON.parse(diff.stdout) as {
      comparisons: { set: string; differences: { id: string; verdict?: string }[] }[];
    };
    assert.deepEqual(
      comparisons.map((one) => one.set),
      ['a', 'b'],
    );
    assert.equal(comparisons[0]!.differences[0]!.verdict, 'undecided');
    const text = runKappa(['eval', 'diff', path.join(out, names[0]!), path.join(out, names[0]!)]);
    assert.match(text.stdout, /^a: .* against .*\n.*95% interval +second is\nAccuracy % .* undecided\n/);
    const other = runKappa(['eval', 'diff', out, run]);
    assert.equal(other.code, 1);
    assert.match(other.stderr, /no evaluation of the same benchmark/);
    const missing = runKappa(['eval', 'diff', out, path.join(folder, 'nothing')]);
    assert.match(missing.stderr, /\[ERR_DATA_NOT_FOUND\].*nothing/);
    const empty = runKappa(['eval', 'verification', run, '--data', out]);
    assert.match(empty.stderr, /\[ERR_DATA_NOT_FOUND\].*none of its files ends with \.bin/);
  });

  it('gives three ranks the table of one', () => {
    const args = ['eval', 'verification', run, '--data', set, '--batch-size', '3', '--json'];
    const threads = { KAPPA_THREADS: '1' };
    const alone = runKappa(args, threads);
    const launched = runKappa(['launch', '--nproc-per-node', '3', ...args], threads);
    assert.equal(launched.code, 0, launched.stderr);
    const results = (text: string): unknown => (JSON.parse(text) as { results: unknown }).results;
    assert.deepEqual(results(launched.stdout), results(alone.stdout));
    assert.equal(launched.stderr.match(/Wrote /g)?.length, 1);
  });

  it('takes features in the place of a checkpoint, and says what does not fit', async () => {
    const features = path.join(folder, 'features');
    const [embedded, whole, part] = runKappaEach([
      ['embed', run, set, '--output', features, '--mirror', 'separate'],
      ['eval', 'verification', run, '--data', set, '--json'],
      ['eval', 'verification', '--data', set],
    ]);
    assert.equal(embedded!.code, 0, embedded!.stderr);
    assert.match(part!.stderr, /a checkpoint, or --features: one of them/);
    const [plain, mirrored] = ['features.npy', 'mirrored.npy'].map((name) => path.join(features, name));
    const other = path.join(folder, 'other.npy');
    await writeNpy(other, { data: new Float32Array(30), rows: 10, columns: 3 });
    const of = ['eval', 'verification', '--data', set, '--features', plain!];
    const [same, single, several, fewer, unequal, alone] = runKappaEach([
      [...of, '--mirrored', mirrored!, '--json'],
      [...of, '--json'],
      ['eval', 'verification', '--data', set, set, '--features', plain!],
      ['eval', 'verification', '--data', set, '--features', other],
      [...of, '--mirrored', other],
      ['eval', 'verification', run, '--data', set, '--mirrored', mirrored!],
    ]);
    const first = (text: string) => (JSON.parse(text) as { results: VerificationResult[] }).results[0]!;
    const [a, b] = [first(whole!.stdout), first(same!.stdout)];
    assert.ok(Math.abs(a.xnorm - b.xnorm) < 1e-4 * a.xnorm);
    assert.deepEqual({ ...b, xnorm: a.xnorm }, a);
    assert.notEqual(first(single!.stdout).xnorm, 0);
    assert.match(several!.stderr, /--features are of one set, but --data has 2/);
    assert.match(fewer!.stderr, /\[ERR_SHAPE\].*has 10 rows, but synth has 40 images/);
    assert.match(unequal!.stderr, /\[ERR_SHAPE\].*is 10 x 3, but/);
    assert.match(alone!.stderr, /--mirrored goes with --features/);
  });

  it('tells once what becomes of images of another size', async () => {
    const images = await Promise.all([250, 250, 96, 112].map((side, i) => jpeg(i, side)));
    const odd = path.join(folder, 'odd.bin');
    const all = Array.from({ length: 20 }, (_, i) => images[i % 4]!);
    await writeVerificationSet(odd, {
      images: all,
      isSame: Array.from({ length: 10 }, (_, i) => i % 2 === 0),
    });
    const { code, stderr } = runKappa(['eval', 'verification', run, '--data', odd, set, '--json']);
    assert.equal(code, 0, stderr);
    const told = stderr.split('\n').filter((line) => line.includes('pixels'));
    assert.equal(told.length, 1, stderr);
    assert.match(
      told[0]!,
      /odd: 15 of 20 images are not 112 x 112 pixels: 250 x 250 \(10\), 96 x 96 \(5\) .* resized .*: 10 shrunk, 5 enlarged\./,
    );
  });

  it('computes with the threads of --threads, else of KAPPA_THREADS', () => {
    const threads = (flags: string, env: Record<string, string>): string => {
      const { code, stdout, stderr } = runScript(
        `cli.run(${JSON.stringify(['eval', 'verification', run, '--data', set, '--json'])}.concat(${flags}))
           .then(async (code) => {
             console.error('threads', await require('./lib/runtime/settings').getThreads());
             process.exitCode = code;
           });`,
        env,
      );
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^\{"results":.*\}\n$/);
      return /threads (\d+)\n$/.exec(stderr)?.[1] ?? stderr;
    };
    assert.equal(threads('[]', { KAPPA_THREADS: '1' }), '1');
    assert.equal(threads('[]', { KAPPA_THREADS: '3' }), '3');
    assert.equal(threads(`['--threads', '2']`, { KAPPA_THREADS: '3' }), '2');
    const wrong = runKappa(['eval', 'verification', run, '--data', set], { KAPPA_THREADS: 'many' });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /^error \[ERR_CONFIG\]: .*KAPPA_THREADS/);
  });

  it('ends in order on Ctrl-C', async function () {
    if (process.platform === 'win32') this.skip(); // there are no signals to send
    const many = path.join(folder, 'many.bin');
    const isSame = Array.from({ length: 2000 }, (_, i) => i % 2 === 0);
    await writeVerificationSet(many, { images: isSame.flatMap(() => [jpeg(1), jpeg(2)]), isSame });
    const args = ['eval', 'verification', run, '--data', many, '--batch-size', '2'];
    // The first batch tells that it is done.
    const script = `
      const embedding = require('./lib/eval/embed');
      const { embedImages } = embedding;
      embedding.embedImages = (backbone, images, options) =>
        embedImages(backbone, images, {
          ...options,
          onProgress: (done, total) => {
            if (done === 2) console.error('begun');
            options.onProgress(done, total);
          },
        });
      require('./lib/cli/main').main();`;
    const ended = await interruptScript(script, args, (stderr) => stderr.includes('begun'));
    assert.equal(ended.code, 130, ended.stderr);
    assert.match(ended.stderr, /SIGINT: stopping .*\nEmbedding many was cancelled\.\n$/);
    assert.equal(ended.stdout, '');
  });
});
