import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import type { TrainResult } from '../../lib';
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
    assert.match(stderr, new RegExp(`^Training on \\d+ images of 6 identities[^]*Results: ${run}\\n$`));
  });
});
