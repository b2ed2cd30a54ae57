import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { embedImages, loadBackbone, readNpy, readVerificationSet, Trainer } from '../../lib';
import { readIndex } from '../../lib/eval/embedding/feature-files';
import { writeRecord } from '../../lib/eval/records/files';
import { recordPairs } from '../../lib/eval/records/pairs';
import { FACE_TEMPLATE } from '../../lib/image/align';
import { resolveCheckpoint } from '../../lib/run/checkpoint';
import { temporaryFolder } from '../support/folder';
import { LaunchedRun } from '../support/launched-run';
import { runKappaEach, type Ended } from '../support/run-kappa';
import { tinyConfig, tinyFaces } from '../support/tiny-run';

describe('kappa embed and kappa compare', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();
  const images = path.join(folder, 'images');
  let run: string;
  let faces: string;
  let encoded: Buffer[];

  before(async () => {
    faces = await tinyFaces(path.join(folder, 'cache'));
    const config = tinyConfig(faces, path.join(folder, 'runs'), { train: { epochs: 1, batchSize: 8 } });
    run = (await new Trainer(config).run()).folder;
    encoded = (await readVerificationSet(path.join(faces, 'synth.bin'))).images.slice(0, 12);
    const { mkdirSync } = await import('node:fs');
    for (const person of ['a', 'b']) mkdirSync(path.join(images, person), { recursive: true });
    encoded.forEach((image, i) => writeFileSync(path.join(images, i < 6 ? 'a' : 'b', `${i}.jpg`), image));
  });

  const names = ['a/0', 'a/1', 'a/2', 'a/3', 'a/4', 'a/5', 'b/10', 'b/11', 'b/6', 'b/7', 'b/8', 'b/9'];
  const out = (name: string): string => path.join(folder, name);

  it('writes features of folders, lists, records and sets, with an index', async () => {
    const list = out('list.txt');
    writeFileSync(list, '# mine\nimages/b/7.jpg\nimages/a/0.jpg\n');
    const aligned = out('aligned.txt');
    writeFileSync(aligned, `images/a/0.jpg ${FACE_TEMPLATE.flat().join(' ')}\n`);
    const lst = out('faces.lst');
    writeFileSync(lst, '0\t0\timages/a/3.jpg\n1\t1\timages/b/8.jpg\n');
    const [folderRun, added, listed, landmarks, records, several, again] = runKappaEach([
      ['embed', run, images, '--output', out('f'), '--json'],
      ['embed', run, images, '--output', out('added.npy'), '--mirror', 'add'],
      ['embed', run, list, '--output', out('l'), '--mirror', 'add'],
      ['embed', run, aligned, '--output', out('al'), '--mirror', 'add'],
      ['embed', run, path.join(faces, 'train.rec'), '--output', out('rec')],
      ['embed', run, lst, path.join(images, 'a'), path.join(faces, 'synth.bin'), '--output', out('s')],
      ['embed', run, images, '--output', out('f')],
    ]) as [Ended, Ended, Ended, Ended, Ended, Ended, Ended];
    for (const { code, stderr } of [folderRun, added, listed, landmarks, records, several, again])
      assert.equal(code, 0, stderr);
    const result = JSON.parse(folderRun.stdout) as Record<string, unknown>;
    assert.deepEqual([result.rows, result.columns], [12, 16]);
    assert.deepEqual(readdirSync(out('f')).sort(), [
      'features.json',
      'features.npy',
      'index.txt',
      'mirrored.npy',
    ]);
    assert.deepEqual(
      await readIndex(out('f/index.txt')),
      names.map((name) => `${name}.jpg`),
    );
    const backbone = await loadBackbone(run);
    const { data } = await embedImages(
      backbone,
      names.map((name) => encoded[Number(name.slice(2))]!),
    );
    backbone.dispose();
    assert.deepEqual([...(await readNpy(out('added.npy'))).data], [...data]);
    assert.deepEqual(
      ['added-index.txt', 'added.json', 'added-mirrored.npy'].map((name) => existsSync(out(name))),
      [true, true, false],
    );
    const row = (name: string): number[] => {
      const at = names.indexOf(name);
      return [...data.subarray(16 * at, 16 * at + 16)];
    };
    const near = (actual: number[], expected: number[], within: number): void =>
      actual.forEach((value, i) =>
        assert.ok(Math.abs(value - expected[i]!) < within, `${value} ${expected[i]}`),
      );
    const two = await readNpy(out('l/features.npy'));
    near([...two.data], [...row('b/7'), ...row('a/0')], 1e-4);
    assert.deepEqual(await readIndex(out('l/index.txt')), ['images/b/7.jpg', 'images/a/0.jpg']);
    // The template's own points move nothing.
    near([...(await readNpy(out('al/features.npy'))).data], row('a/0'), 1e-4);
    const index = await readIndex(out('rec/index.txt'));
    assert.equal((await readNpy(out('rec/features.npy'))).rows, index.length);
    assert.equal(index[0], '1'); // its key
    const mixed = await readIndex(out('s/index.txt'));
    assert.deepEqual(mixed.slice(0, 3), ['images/a/3.jpg', 'images/b/8.jpg', `${images}/a/0.jpg`]);
    assert.equal(mixed.length, 2 + 6 + 40);
    assert.match(again.stderr, /All 12 features are there already\./);
  });

  it('refuses what does not fit, and says what is missing', () => {
    const cases: [string[], RegExp][] = [
      [[path.join(folder, 'none')], /ERR_DATA_NOT_FOUND.*There is no image, folder or list/],
      [[faces + '/property'], /ERR_DATA_(CORRUPT|NOT_FOUND)/],
      [[images, '--landmarks', out('aligned.txt')], /cannot be aligned: .* has no landmarks of it/],
      [[images, '--format', 'megaface', '--mirror', 'separate'], /ERR_USAGE.*--mirror add/],
      [[images, '--ending', '.bin'], /ERR_USAGE.*--format megaface/],
    ];
    const ended = runKappaEach(
      cases.map(([args], i) => ['embed', run, ...args, '--output', out(`refused-${i}`)]),
    );
    for (const [i, { code, stderr }] of ended.entries()) {
      assert.notEqual(code, 0);
      assert.match(stderr, cases[i]![1]);
    }
  });

  it('writes the files of MegaFace', () => {
    const [ended] = runKappaEach([['embed', run, images, '--output', out('mf'), '--format', 'megaface']]);
    assert.equal(ended!.code, 0, ended!.stderr);
    const bytes = readFileSync(out('mf/b/10.jpg_kappaface.bin'));
    assert.deepEqual(
      [0, 4, 8, 12].map((at) => bytes.readInt32LE(at)),
      [16, 1, 4, 5],
    );
    assert.equal(bytes.length, 16 + 4 * 16);
    const length = Math.hypot(...Array.from({ length: 16 }, (_, i) => bytes.readFloatLE(16 + 4 * i)));
    assert.ok(Math.abs(length - 1) < 1e-6);
  });

  it('embeds in several processes to the same bytes', async () => {
    const args = ['embed', run, images, '--batch-size', '2', '--output'];
    const launched = new LaunchedRun(['--nproc-per-node', '3', ...args, out('three')]);
    assert.equal(await launched.ended, 0, launched.text);
    assert.equal(launched.text.match(/12 features/g)?.length, 1);
    const [alone] = runKappaEach([[...args, out('one')]]);
    assert.equal(alone!.code, 0, alone!.stderr);
    for (const name of ['features.npy', 'mirrored.npy', 'index.txt', 'features.json'])
      assert.deepEqual(readFileSync(out(`three/${name}`)), readFileSync(out(`one/${name}`)), name);
  });

  it('compares two faces, and says what that means by known pairs', async () => {
    const [a, b] = [path.join(images, 'a/0.jpg'), path.join(images, 'a/1.jpg')];
    const set = path.join(faces, 'synth.bin');
    const compare = ['compare', a, b, '--model', run];
    const checkpoint = await resolveCheckpoint(run);
    const evaluations = path.join(run, 'evaluations');
    // Ten pairs of each kind; genuine 0.05, 0.15 ..., impostor 1.0, 1.1 ...
    const distances = Float64Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0 ? 0.05 * (i + 1) : 1 + 0.05 * i,
    );
    const isSame = Uint8Array.from(distances, (_, i) => 1 - (i % 2));
    const head = {
      benchmark: 'verification',
      set: 'known',
      protocol: '',
      flags: {},
      data: '',
      counts: {},
    } as const;
    await writeRecord(
      evaluations,
      recordPairs(
        {
          distances,
          isSame,
          sides: { first: distances.map((_, i) => i), second: distances.map((_, i) => i), units: 20 },
        },
        { ...head, model: checkpoint },
      ),
    );
    const [known, measured, same, missing] = runKappaEach([
      [...compare, '--json'],
      [...compare, '--data', set],
      ['compare', a, a, '--model', run],
      ['compare', a, path.join(images, 'x.jpg'), '--model', run],
    ]) as [Ended, Ended, Ended, Ended];
    const { cosine, squaredDistance, meaning } = JSON.parse(known.stdout) as {
      cosine: number;
      squaredDistance: number;
      meaning: { impostorsAsAlike: number; genuineLessAlike: number; impostor: number };
    };
    assert.ok(Math.abs(squaredDistance - (2 - 2 * cosine)) < 1e-12);
    assert.equal(meaning.impostor, 10);
    const share = (kind: number, of: (d: number) => boolean): number =>
      distances.filter((d, i) => isSame[i] === kind && of(d)).length / 10;
    assert.ok(Math.abs(meaning.impostorsAsAlike - share(0, (d) => d <= squaredDistance)) <= 0.1);
    assert.ok(Math.abs(meaning.genuineLessAlike - share(1, (d) => d > squaredDistance)) <= 0.1);
    assert.equal(measured.code, 0, measured.stderr);
    assert.match(
      measured.stdout,
      /^cosine similarity -?\d\.\d{4}, squared distance \d\.\d{4}\nsame person at FMR 1e-1: /,
    );
    assert.match(
      measured.stdout,
      /of 10 impostor pairs are as alike or more; .* of 10 genuine pairs are less alike/,
    );
    assert.match(
      same.stdout,
      /^cosine similarity 1\.0000, squared distance 0\.0000\nsame person at FMR 1e-1: yes/,
    );
    assert.match(same.stdout, /FMR 1e-3: cannot be told by 10 impostor pairs/);
    assert.match(missing.stderr, /ERR_DATA_NOT_FOUND.*x\.jpg/);
    rmSync(evaluations, { recursive: true });
    const [unknown] = runKappaEach([compare]);
    assert.equal(unknown!.code, 0);
    assert.match(unknown!.stderr, /has no evaluation of pairs\. Give a set \(--data lfw\.bin\)/);
    assert.match(unknown!.stdout, /^cosine similarity .*\n$/);
  });

  it('notes images of another size, and aligns by landmarks', async () => {
    const sharp = (await import('sharp')).default;
    const large = path.join(folder, 'large.png');
    await sharp(encoded[0])
      .extend({ left: 12, top: 7, right: 30, bottom: 5, background: { r: 0, g: 0, b: 0 } })
      .png()
      .toFile(large);
    const points = FACE_TEMPLATE.flatMap(([x, y]) => [x + 12, y + 7]).join(' ');
    const landmarks = out('two.txt');
    writeFileSync(landmarks, `large.png ${points}\na/0.jpg ${FACE_TEMPLATE.flat().join(' ')}\n`);
    const args = ['compare', large, path.join(images, 'a/0.jpg'), '--model', run, '--json'];
    const [plain, aligned, lost] = runKappaEach([
      args,
      [...args, '--landmarks', landmarks],
      ['compare', path.join(images, 'a/1.jpg'), large, '--model', run, '--landmarks', landmarks],
    ]) as [Ended, Ended, Ended];
    assert.match(
      plain.stderr,
      /large\.png is 154 x 124 pixels and is resized to 112 x 112\. That is no alignment/,
    );
    const cosine = ({ stdout }: Ended): number => (JSON.parse(stdout) as { cosine: number }).cosine;
    assert.ok(cosine(aligned) > 0.9999, aligned.stdout);
    assert.ok(cosine(plain) < cosine(aligned));
    assert.match(lost.stderr, /1\.jpg cannot be aligned/);
  });
});
