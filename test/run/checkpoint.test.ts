import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { Tensor, openCheckpoint, readSafetensors, resolveCheckpoint, writeSafetensors } from '../../lib';
import { CheckpointFolder } from '../../lib/run/checkpoint';
import { rejects } from '../support';
import { temporaryFolder } from '../train/tiny-run';

describe('checkpoints', () => {
  const folder = temporaryFolder();
  after(folder.remove);

  it('come back as they were written, and name the best and the last', async () => {
    const checkpoints = new CheckpointFolder(path.join(folder.path, 'a'));
    const weights = await Tensor.from([
      [1, 2],
      [3, 4],
    ]);
    for (const step of [1, 2, 3]) {
      await checkpoints.save(step, { model: new Map([['w', weights]]) }, { step }, step === 2);
      await weights.addInPlace(1);
    }
    const best = await openCheckpoint<{ step: number }>(await resolveCheckpoint(checkpoints.root));
    assert.equal(best.state.step, 2);
    assert.deepEqual(await (await best.tensors('model')).get('w')?.toArray(), [2, 3, 4, 5]);
    const last = await openCheckpoint<{ step: number }>(
      await resolveCheckpoint(path.join(checkpoints.root, 'last')),
    );
    assert.equal(last.state.step, 3);
    await checkpoints.prune(1);
    assert.deepEqual(readdirSync(checkpoints.root).sort(), [
      'best',
      'last',
      'step-00000002',
      'step-00000003',
    ]);
  });

  it('are whole or absent: a half-written one is never found', async () => {
    const checkpoints = new CheckpointFolder(path.join(folder.path, 'b'));
    const tensors = { model: new Map([['w', await Tensor.ones([2])]]) };
    await checkpoints.save(1, tensors, {}, false);
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
    await assert.rejects(checkpoints.save(3, lost, {}, true));
    assert.ok(!existsSync(path.join(checkpoints.root, 'step-00000003')));
    assert.equal(await checkpoints.pointed('best'), undefined);
  });

  it('survive a full disk: the error says so and the one before stays usable', async function () {
    const disk = path.join(folder.path, 'disk');
    mkdirSync(disk);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).status === 0;
    if (!mounted) this.skip(); // needs the right to mount a small file system
    try {
      const checkpoints = new CheckpointFolder(path.join(disk, 'c'));
      const tensors = { model: new Map([['w', await Tensor.ones([50_000])]]) };
      await checkpoints.save(1, tensors, {}, true);
      writeFileSync(path.join(disk, 'filler'), Buffer.alloc(700_000));
      await rejects(
        checkpoints.save(2, tensors, {}, true),
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
    const file = path.join(folder.path, 'file');
    writeFileSync(file, '');
    await rejects(
      new CheckpointFolder(path.join(file, 'x')).save(1, {}, {}, false),
      'ERR_IO',
      /not a folder/,
    );
    await rejects(resolveCheckpoint(path.join(folder.path, 'file')), 'ERR_CHECKPOINT', /names no checkpoint/);
    await rejects(resolveCheckpoint(folder.path), 'ERR_CHECKPOINT', /no checkpoints/);
  });
});

describe('safetensors files', () => {
  const folder = temporaryFolder();
  after(folder.remove);

  it('keep every dtype, shape and layout', async () => {
    const file = path.join(folder.path, 'all.safetensors');
    const image = await (await Tensor.arange(0, 24)).reshape([1, 2, 3, 4]);
    const tensors = new Map<string, Tensor>([['image', await image.contiguous('channelsLast')]]);
    for (const dtype of [
      'float32',
      'float64',
      'bfloat16',
      'float16',
      'int64',
      'int32',
      'uint8',
      'bool',
    ] as const) {
      tensors.set(dtype, await Tensor.from([[1, 0, 1]], undefined, { dtype }));
    }
    tensors.set('scalar', await Tensor.from(7));
    tensors.set('empty', await Tensor.ones([0, 3]));
    await writeSafetensors(file, tensors, { made: 'here' });
    const back = await readSafetensors(file);
    assert.deepEqual([...back.keys()], [...tensors.keys()]);
    for (const [name, tensor] of tensors) assert.ok(await back.get(name)?.equal(tensor), name);
  });

  it('are laid out as the format says', async () => {
    const file = path.join(folder.path, 'one.safetensors');
    await writeSafetensors(file, new Map([['x', await Tensor.from([1, -1])]]));
    const bytes = readFileSync(file);
    const length = Number(bytes.readBigUInt64LE(0));
    assert.equal(length % 8, 0);
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<string, unknown>;
    assert.deepEqual(header.x, { dtype: 'F32', shape: [2], data_offsets: [0, 8] });
    assert.equal(bytes.readFloatLE(8 + length + 4), -1);
    assert.equal(bytes.length, 8 + length + 8);
  });

  it('are refused with a reason when truncated or malformed', async () => {
    const file = path.join(folder.path, 'bad.safetensors');
    await writeSafetensors(file, new Map([['x', await Tensor.ones([100])]]));
    const good = readFileSync(file);
    for (let length = 0; length < good.length; length += 7) {
      writeFileSync(file, good.subarray(0, length));
      await rejects(readSafetensors(file), 'ERR_CHECKPOINT');
    }
    const header = (text: string): Buffer => {
      const prefix = Buffer.alloc(8);
      prefix.writeBigUInt64LE(BigInt(text.length));
      return Buffer.concat([prefix, Buffer.from(text), Buffer.alloc(64)]);
    };
    for (const text of [
      'null',
      '{"x":null}',
      '{"x":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}',
      '{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
      '{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
      '{"x":{"dtype":"F32","shape":[9999],"data_offsets":[0,39996]}}',
      '{"x":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}',
    ]) {
      writeFileSync(file, header(text));
      await rejects(readSafetensors(file), 'ERR_CHECKPOINT');
    }
    await rejects(readSafetensors(path.join(folder.path, 'absent')), 'ERR_IO', /no such file/);
  });
});
