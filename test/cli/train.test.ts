import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { writeVerificationSet } from '../../lib';
import type { DryRunReport, TrainResult } from '../../lib';
import { jpeg } from '../support/faces';
import { temporaryFolder } from '../support/folder';
import { tinyConfig, tinyFaces } from '../support/tiny-run';
import { runKappa } from '../support/run-kappa';

describe('kappa train', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();

  it('tells its result as one JSON value, also where it decodes in the calling thread', async () => {
    const faces = await tinyFaces(path.join(folder, 'cache'));
    const config = tinyConfig(faces, path.join(folder, 'runs'), { train: { epochs: 1, batchSize: 8 } });
    const file = path.join(folder, 'tiny.yaml');
    writeFileSync(file, stringify(config));
    const { code, stdout, stderr } = runKappa(['train', file, '--set', 'data.workers=0', '--json']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^[^\n]+\n$/);
    const { interrupted, folder: run, final } = JSON.parse(stdout) as TrainResult;
    assert.deepEqual([interrupted, Object.keys(final?.verification ?? {})], [false, ['synth']]);
    assert.match(
      stderr,
      new RegExp(
        `^Precision: head \\w+ [^]*\nTraining on \\d+ images of 6 identities[^]*Results: ${run}\\n$`,
      ),
    );
  });

  it('tries all of it and writes nothing (--dry-run)', async () => {
    const faces = await tinyFaces(path.join(folder, 'cache'));
    const config = tinyConfig(faces, path.join(folder, 'dry'), { train: { epochs: 1, batchSize: 8 } });
    const file = path.join(folder, 'dry.yaml');
    writeFileSync(file, stringify(config));
    const before = readdirSync(faces);
    const plain = runKappa(['train', file, '--dry-run']);
    assert.equal(plain.code, 0, plain.stderr);
    assert.match(
      plain.stdout,
      /synth \(20 pairs\): every image decodes[^]*activations \d+ MB[^]*one step .* images\/s, loss \d[^]*all is well, nothing was written\.\n$/,
    );
    const json = runKappa(['train', file, '--dry-run', '--json']);
    assert.match(json.stdout, /^[^\n]+\n$/);
    const { verification, step } = JSON.parse(json.stdout) as DryRunReport;
    assert.deepEqual([verification, step.updated], [[{ name: 'synth', pairs: 20 }], true]);
    assert.ok(!existsSync(config.output));
    assert.deepEqual(readdirSync(faces), before);
  });

  it('ends a dry run with 1 where a verification set cannot be used, and names file, image and reason', async () => {
    const faces = await tinyFaces(path.join(folder, 'cache'));
    const sets = path.join(folder, 'sets');
    const images = Array.from({ length: 24 }, (_, i) => jpeg(i).subarray(0, i === 17 ? 700 : undefined));
    const isSame = Array.from({ length: 12 }, (_, i) => i % 2 === 0);
    await writeVerificationSet(path.join(sets, 'own.bin'), { images, isSame });
    const data = { root: faces, validationRoot: sets, validation: ['own'] };
    const file = path.join(folder, 'bad.yaml');
    writeFileSync(file, stringify(tinyConfig(faces, path.join(folder, 'bad'), { data })));
    const { code, stdout, stderr } = runKappa(['train', file, '--dry-run']);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /error \[ERR_DATA_CORRUPT\]: .*own\.bin cannot be used: image 17: .*decode/);
  });
});
