import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { librarySizes, writeManifest } from '../../lib/libtorch/cache';
import { readEnv } from '../../lib/libtorch/env';
import { findLibtorch } from '../../lib/libtorch/find';
import { libraryName } from '../../lib/libtorch/inspect';
import { writePython, writeTree } from '../support/fake-libtorch';
import { temporaryFolder } from '../support/folder';

function writeCache(cache: string): string {
  const root = writeTree(path.join(cache, 'libtorch', '2.13.0-cpu'));
  writeManifest(root, { version: '2.13.0', variant: 'cpu', source: 'test', libraries: librarySizes(root) });
  return root;
}

describe('finding LibTorch', () => {
  let folder: string;
  beforeEach(() => (folder = temporaryFolder()));

  it('takes LIBTORCH before the Python torch before the cache', () => {
    const given = writeTree(path.join(folder, 'given'));
    const torch = writeTree(path.join(folder, 'site-packages', 'torch'));
    const cached = writeCache(folder);
    const python = writePython(path.join(folder, 'python'), { torch });
    const base = { KAPPA_CACHE: folder, KAPPA_PYTHON: python };
    const found = (env: NodeJS.ProcessEnv): string[] => {
      const { root, source } = findLibtorch(readEnv({ ...base, ...env }));
      return [root, source];
    };
    assert.deepEqual(found({ LIBTORCH: given, LIBTORCH_USE_PYTORCH: '1' }), [given, 'LIBTORCH']);
    assert.deepEqual(found({ LIBTORCH_USE_PYTORCH: '1' }), [torch, 'python']);
    assert.deepEqual(found({}), [cached, 'cache']);
  });

  it('does not fall back where an explicit choice cannot be used', () => {
    writeCache(folder);
    const old = writeTree(path.join(folder, 'old'), { version: '2.1.0' });
    assert.throws(() => findLibtorch(readEnv({ KAPPA_CACHE: folder, LIBTORCH: old })), {
      code: 'ERR_VERSION',
      message: /1\. LIBTORCH=.*old: .* is LibTorch 2\.1\.0/,
    });
    const python = writePython(path.join(folder, 'python'));
    const env = readEnv({ KAPPA_CACHE: folder, LIBTORCH_USE_PYTORCH: '1', KAPPA_PYTHON: python });
    assert.throws(() => findLibtorch(env), { code: 'ERR_LIBTORCH_NOT_FOUND', message: /has no torch/ });
  });

  it('holds LIBTORCH against a version that is asked for by name', () => {
    const given = writeTree(path.join(folder, 'given'));
    assert.throws(() => findLibtorch(readEnv({ LIBTORCH: given, KAPPA_LIBTORCH_VERSION: '2.14.1' })), {
      code: 'ERR_VERSION',
      message: /wanted is 2\.14\.1/,
    });
  });

  it('takes a version that is not supported where it is named', () => {
    const given = writeTree(path.join(folder, 'given'), { version: '2.11.0' });
    const { version } = findLibtorch(readEnv({ LIBTORCH: given, KAPPA_LIBTORCH_VERSION: '2.11.0' }));
    assert.equal(version, '2.11.0');
    assert.throws(() => findLibtorch(readEnv({ LIBTORCH: given })), {
      code: 'ERR_VERSION',
      message: /2\.14\.x \(KAPPA_LIBTORCH_VERSION=2\.11\.0 has it tried all the same\)/,
    });
  });

  it('names what was tried, why each gave nothing, and every remedy', () => {
    const env = readEnv({ KAPPA_CACHE: folder });
    assert.throws(
      () => findLibtorch(env),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'ERR_LIBTORCH_NOT_FOUND');
        for (const text of [
          '1. LIBTORCH: not set',
          '2. the installed Python torch: LIBTORCH_USE_PYTORCH=1 is not set',
          `3. the cache (${path.join(folder, 'libtorch', '2.13.0-cpu')}): empty`,
          'npx kappa libtorch install',
          'LIBTORCH=FOLDER',
          'set LIBTORCH_USE_PYTORCH=1',
          'KAPPA_LIBTORCH_URL=file:///',
          'KAPPA_LIBTORCH_SHA256',
          'npx kappa doctor',
        ])
          assert.ok(error.message.includes(text), `${text} in ${error.message}`);
        return true;
      },
    );
  });

  it('notices a cached library that was cut short, and a folder that was never finished', () => {
    const root = writeCache(folder);
    const env = readEnv({ KAPPA_CACHE: folder });
    fs.truncateSync(path.join(root, 'lib', libraryName('torch_cpu')), 10);
    assert.throws(() => findLibtorch(env), /torch_cpu\S* is damaged: 10 bytes/);
    fs.rmSync(path.join(root, 'kappaface.json'));
    assert.throws(() => findLibtorch(env), /is incomplete/);
  });
});
