import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { libraryName } from '../../lib/libtorch/inspect';
import { checkSpace, unpackLibtorch } from '../../lib/libtorch/fetch/unpack';
import { fakeFiles, writeWheel } from '../support/fake-libtorch';
import { temporaryFolder } from '../support/folder';
import { makeZip } from '../support/zip-writer';
import type { ZipMember } from '../support/zip-writer';

describe('unpacking LibTorch', () => {
  let folder: string;
  let wheel: string;
  let out: string;
  beforeEach(() => {
    folder = temporaryFolder();
    wheel = path.join(folder, 'torch.whl');
    out = path.join(folder, 'out');
  });

  const refuses = (message: RegExp): Promise<void> =>
    assert.rejects(unpackLibtorch(wheel, out), { code: 'ERR_DATA_CORRUPT', message });

  it('takes the C++ part of a wheel and its licence, and leaves the Python part', async () => {
    await unpackLibtorch(writeWheel(wheel), out);
    for (const [name, content] of Object.entries(fakeFiles()))
      assert.deepEqual(fs.readFileSync(path.join(out, name)), content, name);
    assert.equal(fs.statSync(path.join(out, 'lib', 'large.bin')).size, (1 << 20) + 7);
    assert.deepEqual(fs.readdirSync(out).sort(), ['LICENSE', 'include', 'lib', 'share']);
    assert.ok(!fs.existsSync(path.join(out, 'lib', libraryName('torch_python'))));
  });

  it('takes lib, include and share of an official zip', async () => {
    const members = Object.entries(fakeFiles()).map(([name, content]) => ({
      name: `libtorch/${name}`,
      content,
    }));
    const zip = path.join(folder, 'libtorch.zip');
    fs.writeFileSync(zip, makeZip([...members, { name: 'libtorch/bin/tool', content: 'x' }]));
    await unpackLibtorch(zip, out);
    assert.deepEqual(fs.readdirSync(out).sort(), ['include', 'lib', 'share']);
  });

  it('tells the progress up to the last byte', async () => {
    const seen: number[] = [];
    let whole = 0;
    await unpackLibtorch(writeWheel(wheel), out, {
      onProgress: (progress) => {
        if (progress.phase === 'unpack') seen.push((whole = progress.total) && progress.done);
      },
    });
    assert.ok(seen.every((bytes, index) => bytes >= (seen[index - 1] ?? 0)));
    assert.equal(seen[seen.length - 1], whole);
  });

  it('refuses a file whose hash is not that of RECORD', async () => {
    const wrong = Buffer.alloc(32).toString('base64url');
    writeWheel(wheel, { record: (text) => text.replace(/(torch\.h,sha256=)[^,]+/, `$1${wrong}`) });
    await refuses(/torch\.h" has SHA-256 .* expected AAAA/);
    fs.rmSync(out, { recursive: true });
    writeWheel(wheel, { record: (text) => text.replace(/(large\.bin,sha256=)[^,]+/, `$1${wrong}`) });
    await refuses(/large\.bin" has SHA-256/);
  });

  it('refuses a file that RECORD does not know, and one that only RECORD knows', async () => {
    writeWheel(wheel, { record: (text) => text.replace(/^torch\/lib\/large.*\n/m, '') });
    await refuses(/"torch\/lib\/large\.bin" is not in its RECORD/);
    writeWheel(wheel, { record: (text) => `${text}torch/lib/gone.so,sha256=${'A'.repeat(43)},1\n` });
    await refuses(/"torch\/lib\/gone\.so" of its RECORD is missing/);
  });

  const hostile: [string, ZipMember[], RegExp][] = [
    ['a name that climbs out', [{ name: 'torch/lib/../../../evil', content: 'x' }], /invalid relative path/],
    ['an absolute name', [{ name: '/etc/evil', content: 'x' }], /absolute path/],
    ['a name with backslashes', [{ name: 'torch\\lib\\evil', content: 'x' }], /invalid characters/],
    ['a symbolic link', [{ name: 'torch/lib/l', content: '/etc', mode: 0o120777 }], /symbolic link/],
    ['a name twice', [{ name: 'torch/__init__.py', content: 'x' }], /twice/],
  ];
  for (const [what, extra, message] of hostile)
    it(`refuses an archive that holds ${what}, and writes nothing`, async () => {
      writeWheel(wheel, { extra });
      await refuses(message);
      assert.deepEqual(fs.readdirSync(folder), ['torch.whl']);
    });

  it('refuses an archive that is truncated, flipped in a bit, or none at all', async () => {
    writeWheel(wheel);
    const whole = fs.readFileSync(wheel);
    fs.writeFileSync(wheel, whole.subarray(0, whole.length - 100));
    await refuses(/damaged/);
    const flipped = Buffer.from(whole);
    const at = Math.floor(whole.length / 2);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    fs.writeFileSync(wheel, flipped);
    await refuses(/large\.bin" has SHA-256/);
    fs.writeFileSync(wheel, 'no archive');
    await refuses(/damaged/);
  });

  it('refuses a zip and a wheel without LibTorch', async () => {
    fs.writeFileSync(wheel, makeZip([{ name: 'other/file', content: 'x' }]));
    await refuses(/not a torch wheel/);
    const zip = path.join(folder, 'other.zip');
    fs.copyFileSync(wheel, zip);
    await assert.rejects(unpackLibtorch(zip, out), /holds no LibTorch/);
  });

  it('says how much space is needed where there is too little', () => {
    assert.throws(() => checkSpace(folder, 1e18), {
      code: 'ERR_IO',
      message: /1000000000\.0 GB needed, .* KAPPA_CACHE/,
    });
  });
});
