import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { Trainer, unpackData } from '../../lib';
import type { TrainResult } from '../../lib';
import { temporaryFolder } from '../support/folder';
import { tinyConfig, tinyFaces } from '../support/tiny-run';

const root = path.join(__dirname, '../..');

function runExample(file: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

/** Gives the verification of a run another threshold than it found. */
function setThreshold(run: string, threshold: number): void {
  const file = path.join(run, 'result.json');
  const result = JSON.parse(readFileSync(file, 'utf8')) as TrainResult;
  const { best } = result;
  assert.ok(best);
  const changed = Object.entries(best.verification).map(([name, set]) => [name, { ...set, threshold }]);
  const verification: unknown = Object.fromEntries(changed);
  writeFileSync(file, JSON.stringify({ ...result, best: { ...best, verification } }));
}

describe('the README', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();

  for (const file of ['examples/compare.mjs', 'examples/toy.mjs']) {
    it(`shows ${file} as it is`, () => {
      const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
      const example = readFileSync(path.join(root, file), 'utf8');
      assert.ok(readme.includes(`\`\`\`js\n${example}\`\`\`\n\n(\`${file}\`.)`));
    });
  }

  it('has an example that compares two faces by a run and its threshold', async () => {
    const faces = await tinyFaces(path.join(folder, 'cache'));
    const config = tinyConfig(faces, path.join(folder, 'runs'), { train: { epochs: 1 } });
    const { folder: run } = await new Trainer(config).run();
    const { output } = await unpackData(path.join(faces, 'synth.bin'), path.join(folder, 'pairs'));
    const compare = (first: string, second: string): string =>
      runExample(
        'examples/compare.mjs',
        run,
        ...[first, second].map((name) => path.join(output, 'images', name)),
      );
    setThreshold(run, 4.01);
    assert.equal(compare('00_0.jpg', '00_0.jpg'), 'cosine 1.000: one person\n');
    setThreshold(run, 0);
    assert.match(compare('00_0.jpg', '00_1.jpg'), /^cosine (-?0\.\d{3}|1\.000): two people\n$/);
  });

  it('has an example that trains', () => {
    const stdout = runExample('examples/toy.mjs');
    const losses = [...stdout.matchAll(/loss (\d+\.\d+)/g)].map((match) => Number(match[1]));
    assert.equal(losses.length, 4, stdout);
    // Untrained it is above 40; in each of 350 draws it came below.
    assert.ok(Math.min(...losses.slice(1)) < 0.5, stdout);
  });
});
