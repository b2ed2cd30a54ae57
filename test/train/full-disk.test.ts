import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { Trainer } from '../../lib';
import type { ResolvedConfig, TrainerOptions } from '../../lib';
import { makeDataset } from '../support/faces';
import { temporaryFolder } from '../support/folder';
import { checksums, timelessMetrics, tinyConfig } from '../support/tiny-run';

describe('a run whose disk gives up', function () {
  this.timeout(120_000);
  // Before the folder goes, which it is mounted in.
  after(() => void spawnSync('umount', [disk]));
  const folder = temporaryFolder();
  const disk = path.join(folder, 'disk');
  let root: string;
  let whole: string;
  const config = (output: string): ResolvedConfig =>
    tinyConfig(root, output, {
      head: { kind: 'arcface' },
      data: { root, validation: [] },
      train: { epochs: 3, batchSize: 4, logEvery: 1, checkpointEvery: 2 },
    });
  const message = (options: TrainerOptions): Promise<string> =>
    new Trainer(config(disk), options).run().then(
      () => assert.fail('it did not stop'),
      (error: Error) => error.message,
    );

  before(async function () {
    mkdirSync(disk);
    // Needs the right to mount a small file system.
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', disk]).status !== 0) this.skip();
    root = await makeDataset(path.join(folder, 'faces'), [3, 4, 3]);
    whole = (await new Trainer(config(path.join(folder, 'whole'))).run()).folder;
  });
  afterEach(() => rmSync(path.join(disk, 'tiny'), { recursive: true, force: true }));

  /** Everything that was written is there, and the run goes on bit for bit. */
  async function assertGoesOn(leastSteps: number): Promise<void> {
    const run = path.join(disk, 'tiny');
    const lines = readFileSync(path.join(run, 'metrics.jsonl'), 'utf8').split('\n');
    assert.equal(lines.pop(), '', 'the last line is whole');
    // The checkpoint is written beside training: a step may have been made before it was told.
    assert.ok(lines.length >= leastSteps, lines.join('\n'));
    const result = await new Trainer(config(disk), { resume: true }).run();
    assert.deepEqual(timelessMetrics(result.folder), timelessMetrics(whole));
    assert.deepEqual(await checksums(result.folder), await checksums(whole));
  }

  it('says that it is full, names the last checkpoint, and goes on when there is room', async () => {
    const filler = path.join(disk, 'filler');
    const fill = (): void => {
      for (let bytes = 1 << 20; bytes > 0; bytes >>= 1)
        while (
          spawnSync('sh', ['-c', `head -c ${bytes} /dev/zero >> ${filler}`], { stdio: 'ignore' }).status === 0
        );
    };
    // When the first checkpoint, of step 2, is on the disk.
    const text = await message({ onCheckpoint: fill });
    assert.match(text, /metrics.*disk is full|No space left|MB are free/);
    assert.match(
      text,
      /No checkpoint of step \d was written[^]*last good checkpoint is .*step-00000002 \(step 2\)/,
    );
    rmSync(filler);
    await assertGoesOn(2);
  });

  it('says that it cannot be written to any more, keeps what is there, and goes on later', async () => {
    const text = await message({
      onCheckpoint: () => {
        const checkpoints = path.join(disk, 'tiny', 'checkpoints');
        spawnSync('mv', [checkpoints, `${checkpoints}.kept`]);
        writeFileSync(checkpoints, '');
      },
    });
    assert.match(text, /write the checkpoint .*step-00000004: .*(not a folder|exists)/i);
    assert.match(text, /No checkpoint of step \d was written/);
    const checkpoints = path.join(disk, 'tiny', 'checkpoints');
    rmSync(checkpoints);
    spawnSync('mv', [`${checkpoints}.kept`, checkpoints]);
    assert.ok(existsSync(path.join(checkpoints, 'last')));
    await assertGoesOn(4);
  });
});
