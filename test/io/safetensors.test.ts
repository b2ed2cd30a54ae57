import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { Tensor, readSafetensors, writeSafetensors } from '../../lib';
import { rejects } from '../support/assert';
import { temporaryFolder } from '../support/folder';

describe('safetensors files', () => {
  const folder = temporaryFolder();

  it('keep every dtype, shape and layout', async () => {
    const file = path.join(folder, 'all.safetensors');
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
    const file = path.join(folder, 'one.safetensors');
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
    const file = path.join(folder, 'bad.safetensors');
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
    await rejects(readSafetensors(path.join(folder, 'absent')), 'ERR_IO', /no such file/);
  });
});
