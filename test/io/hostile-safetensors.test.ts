import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { readSafetensors } from '../../lib/io/safetensors';
import { rejects } from '../support/assert';
import { temporaryFolder } from '../support/folder';

describe('hostile safetensors files', () => {
  const folder = temporaryFolder();
  const file = path.join(folder, 'x.safetensors');

  async function refuses(header: string, dataBytes: number, message: RegExp): Promise<void> {
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(header.length));
    writeFileSync(file, Buffer.concat([prefix, Buffer.from(header), Buffer.alloc(dataBytes, 7)]));
    await rejects(readSafetensors(file), 'ERR_CHECKPOINT', message);
  }

  it('are refused when a dtype is no text', () =>
    refuses('{"a":{"dtype":{"toString":1},"shape":[],"data_offsets":[0,4]}}', 4, /entry a is malformed/));

  it('are refused when tensors share bytes or leave some out', async () => {
    const entry = (name: string, from: number) =>
      `"${name}":{"dtype":"U8","shape":[4],"data_offsets":[${from},${from + 4}]}`;
    await refuses(`{${entry('a', 0)},${entry('b', 0)}}`, 4, /b begins at byte 0 of the data instead of 4/);
    await refuses(`{${entry('a', 1)}}`, 5, /a begins at byte 1/);
    await refuses(`{${entry('a', 0)}}`, 5, /end at byte 4, its data at 5/);
  });

  it('are refused when an empty tensor has impossible strides', () =>
    refuses(
      '{"a":{"dtype":"U8","shape":[0,4503599627370496,4503599627370496],"data_offsets":[0,0]}}',
      0,
      /impossible shape/,
    ));

  it('are refused when a boolean is neither 0 nor 1', () =>
    refuses('{"a":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}}', 4, /neither 0 nor 1/));

  it('are refused when they are folders', () => rejects(readSafetensors(folder), 'ERR_IO', /it is a folder/));
});
