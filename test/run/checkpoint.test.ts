import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { Tensor, openCheckpoint, resolveCheckpoint, writeSafetensors } from '../../lib';
import { CheckpointFolder } from '../../lib/run/checkpoint';
import { rejects } from '../support/assert';
import { temporaryFolder } from '../support/folder';

describe('checkpoints', () => {
  const folder = temporaryFolder();

  it('come back as they were written, and name the best and the last', async () => {
    const checkpoints = new CheckpointFolder(path.join(folder, 'a'));
    const weights = await Tensor.from([
      [1, 2],
      [3, 4],
    ]);
    for (const step of [1, 2, 3]) {
      await checkpoints.save(
        step,
        { shared: { model: new Map([['w', weights]]) } },
        { step },
        { best: step === 2 },
      );
      await weights.addInPlace(1);
    }
    const best = await openCheckpoint<{ step: number }>(await resolveCheckpoint(checkpoints.root));
    assert.equal(best.state.step, 2);
    assert.deepEqual(await (await best.tensors('model')).get('w')?.toArray(), [2, 3, 4, 5]);
    const last = await openCheckpoint<{ step: number }>(
      await resolveCheckpoint(path.join(checkpoints.root, 'last')),
    );
    assert.equal(last.state.step, 3);
    // What a process left that was killed while it wrote.
    mkdirSync(path.join(checkpoints.root, '.step-00000004.123-0a1b2c3d.partial'));
    for (const name of ['best', 'last'])
      writeFileSync(path.join(checkpoints.root, `.${name}.123-0a1b2c3d.partial`), 'step');
    await checkpoints.prune(1);
    assert.deepEqual(readdirSync(checkpoints.root).sort(), [
      'best',
      'last',
      'step-00000002',
      'step-00000003',
    ]);
  });

  it('are whole or absent: a half-written one is never found', async () => {
    const checkpoints = new CheckpointFolder(path.join(folder, 'b'));
    const tensors = { shared: { model: new Map([['w', await Tensor.ones([2])]]) } };
    await checkpoints.save(1, tensors, {});
    mkdirSync(path.join(checkpoints.root, '.step-00000002.123.partial'));
    mkdirSync(path.join(checkpoints.root, 'step-00000009'));
    writeFileSync(path.join(checkpoints.root, 'last'), 'step-00000009\n');
    assert.equal(await checkpoints.pointed('last'), undefined);
    assert.equal(
      await resolveCheckpoint(checkpoints.root, 'last'),
      path.join(checkpoints.root, 'step-00000001'),
    );
    const lost = {
      model: new Map([
        [
          'w',
          {
            shape: [1],
            dtype: 'float32',
            size: 1,
            get handle(): never {
              throw new Error('gone');
            },
          } as unknown as Tensor,
        ],
      ]),
    };
    await assert.rejects(checkpoints.save(3, { shared: lost }, {}, { best: true }), /gone/);
    assert.ok(!existsSync(path.join(checkpoints.root, 'step-00000003')));
    assert.equal(await checkpoints.pointed('best'), undefined);
  });

  it('survive a full disk: the error says so and the one before stays usable', async function () {
    const disk = path.join(folder, 'disk');
    mkdirSync(disk);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).status === 0;
    if (!mounted) this.skip(); // needs the right to mount a small file system
    try {
      const checkpoints = new CheckpointFolder(path.join(disk, 'c'));
      const tensors = { shared: { model: new Map([['w', await Tensor.ones([50_000])]]) } };
      await checkpoints.save(1, tensors, {}, { best: true });
      writeFileSync(path.join(disk, 'filler'), Buffer.alloc(700_000));
      await rejects(
        checkpoints.save(2, tensors, {}, { best: true }),
        'ERR_IO',
        /are free.*the last checkpoint is untouched/,
      );
      const big = path.join(disk, 'big.safetensors');
      await rejects(
        writeSafetensors(big, new Map([['w', await Tensor.ones([500_000])]])),
        'ERR_IO',
        /No space left/,
      );
      assert.ok(!existsSync(big));
      const kept = await openCheckpoint(await resolveCheckpoint(checkpoints.root));
      assert.equal((await kept.tensors('model')).get('w')?.size, 50_000);
    } finally {
      spawnSync('umount', [disk]);
    }
  });

  it('say when a folder cannot be written', async () => {
    const file = path.join(folder, 'file');
    writeFileSync(file, '');
    await rejects(new CheckpointFolder(path.join(file, 'x')).save(1, {}, {}), 'ERR_IO', /not a folder/);
    await rejects(resolveCheckpoint(path.join(folder, 'file')), 'ERR_CHECKPOINT', /names no checkpoint/);
    await rejects(resolveCheckpoint(folder), 'ERR_CHECKPOINT', /no checkpoints/);
  });
});
