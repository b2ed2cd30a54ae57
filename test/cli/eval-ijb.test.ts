import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { writeNpy } from '../../lib';
import type { IjbIdentificationResult, IjbVerificationResult } from '../../lib';
import { temporaryFolder } from '../support/folder';
import { ALIGNED, writeIjbSet } from '../support/ijb-set';
import { runKappaEach } from '../support/run-kappa';

const golden = JSON.parse(
  readFileSync(path.join(__dirname, '..', 'fixtures', 'golden', 'ijb_11.json'), 'utf8'),
) as Record<'features' | 'pairs', number[][]> &
  Record<'templates' | 'media' | 'detectorScore' | 'labels', number[]>;

describe('kappa eval ijb', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  const plain = path.join(folder, 'plain.npy');
  const mirrored = path.join(folder, 'mirrored.npy');
  const [rows, columns] = [golden.features.length, golden.features[0]!.length];
  before(async () => {
    writeIjbSet(folder, {
      faces: golden.templates.map((id, i) => `${i + 1}.jpg ${id} ${golden.media[i]}`),
      points: golden.detectorScore.map((score, i) => `${i + 1}.jpg ${ALIGNED} ${score}`),
      pairs: golden.pairs.map(([a, b], i) => `${a} ${b} ${golden.labels[i]}`),
    });
    const data = Float32Array.from(golden.features.flat());
    await writeNpy(plain, { data, rows, columns });
    await writeNpy(mirrored, { data: data.map((value, i) => value + (i % 3)), rows, columns });
  });

  it('prints a table, JSON, and every rule; says what it was not given', () => {
    const args = ['eval', 'ijb', '--set', 'ijbc', '--root', folder];
    const features = [...args, '--features', plain];
    const [table, json, variants, missing, both, none, lone, other] = runKappaEach([
      [...features, '--no-flip'],
      [...features, '--no-flip', '--json'],
      [...features, '--mirrored', mirrored, '--variants', '--json'],
      features,
      [...features.slice(0, 2), 'runs/none', ...features.slice(2)],
      args,
      [...args, 'runs/none', '--mirrored', mirrored],
      ['eval', 'ijb', '--set', 'ijba', '--root', folder],
    ]);
    assert.equal(table!.code, 0, table!.stderr);
    assert.match(table!.stdout, /ijbc N0D1F0 +52\.58 +52\.58 +52\.58 +70\.10 +87\.63 +100\.00/);
    assert.match(table!.stdout, /616 faces, .* templates, 5,000 pairs/);
    assert.match(
      table!.stdout,
      /insightface 1:1: image alone, the length of an embedding kept, times the detector/,
    );
    assert.match(table!.stderr, /This is not the whole IJB-C: 616 faces instead of 469,375/);

    const { results, model, data } = JSON.parse(json!.stdout) as {
      results: IjbVerificationResult[];
      model: string;
      data: string;
    };
    assert.deepEqual([results.length, results[0]!.variant, model, data], [1, 'N0D1F0', plain, folder]);
    assert.equal(results[0]!.points[3]!.tar, 68 / 97);

    const all = (JSON.parse(variants!.stdout) as { results: IjbVerificationResult[] }).results;
    assert.deepEqual(
      all.map(({ variant }) => variant),
      ['N0D1F1', 'N0D1F0', 'N0D0F1', 'N0D0F0', 'N1D1F1', 'N1D1F0', 'N1D0F1', 'N1D0F0'],
    );
    assert.deepEqual(all[1]!.points, results[0]!.points);

    assert.match(missing!.stderr, /features of the mirror images are missing/);
    assert.match(both!.stderr, /a checkpoint, or --features: one of them/);
    assert.match(none!.stderr, /a checkpoint, or --features: one of them/);
    assert.match(lone!.stderr, /--mirrored goes with --features/);
    assert.match(other!.stderr, /ijbb, ijbc/);
    assert.deepEqual(
      [missing, both, none, lone, other].map((ended) => ended!.code !== 0),
      [true, true, true, true, true],
    );
  });

  it('identifies probes among the galleries by both protocols', () => {
    const ids = [...new Set(golden.templates)].sort((a, b) => a - b);
    const write = (list: string, lines: string[]): void =>
      writeFileSync(
        path.join(folder, 'meta', `ijbc_1N_${list}.csv`),
        `TEMPLATE_ID,SUBJECT_ID,FILENAME\n${lines.join('\n')}\n`,
      );
    write(
      'gallery_G1',
      ids.slice(0, 10).map((id, i) => `${id},${i},a.jpg`),
    );
    write(
      'gallery_G2',
      ids.slice(10, 20).map((id, i) => `${id},${10 + i},a.jpg`),
    );
    write(
      'probe_mixed',
      ids.slice(20).map((id, i) => `${id},${i % 20},a.jpg`),
    );
    const args = [
      'eval',
      'ijb',
      '--set',
      'ijbc',
      '--root',
      folder,
      '--protocol',
      '1:N',
      '--features',
      plain,
      '--no-flip',
    ];
    const [table, json] = runKappaEach([args, [...args, '--json']]);
    assert.equal(table!.code, 0, table!.stderr);
    assert.match(
      table!.stdout,
      /ijbc N0D1F0, legacy protocol .*\n +rank 1 % +rank 5 % +rank 10 % +TPIR % at FPIR 1e-3/,
    );
    assert.match(table!.stdout, /corrected protocol [\s\S]*\ngallery 1 \(\d+ probes\) [\s\S]*\nmean +\d/);
    assert.match(table!.stdout, /10 \+ 10 people in the galleries/);
    const { results } = JSON.parse(json!.stdout) as { results: IjbIdentificationResult[] };
    assert.equal(results[0]!.corrected.curve.length, 100);
    assert.equal(results[0]!.counts.probes, ids.length - 20);
  });
});
