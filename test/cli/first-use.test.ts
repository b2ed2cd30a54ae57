import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ensureLibtorch } from '../../lib/cli/first-use';
import { platformPackage } from '../../lib/libtorch/addon/platform-packages';
import { writeBuildMetadata } from '../../lib/libtorch/build/build-metadata';
import { readEnv } from '../../lib/libtorch/env';
import { findLibtorch } from '../../lib/libtorch/find';
import { inspectLibtorch } from '../../lib/libtorch/inspect';
import { writePython, writeTree, writeWheel } from '../support/fake-libtorch';
import { temporaryFolder, writeFiles } from '../support/folder';

describe('the first use', () => {
  const name = platformPackage('cpu') ?? '';
  let cache: string;
  let root: string;
  let python: string;
  let asked: string[];

  before(function () {
    if (name === '' || process.platform === 'win32') this.skip(); // no prebuilt addon, or no script as Python
  });
  beforeEach(() => {
    const folder = temporaryFolder();
    cache = path.join(folder, 'cache');
    const wheel = writeWheel(path.join(folder, 'torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl'));
    python = writePython(path.join(folder, 'python'), { wheel });
    root = writeFiles(temporaryFolder(), {
      'package.json': '{"name":"kappaface","version":"1.2.3"}',
      'CMakeLists.txt': 'NAPI_VERSION=8',
      'native/a.cc': 'int a;',
    });
    const installed = writeFiles(path.join(root, 'node_modules', name), {
      'package.json': JSON.stringify({ name, version: '1.2.3' }),
      'kappaface.node': 'x',
    });
    const libtorch = inspectLibtorch(writeTree(temporaryFolder()));
    writeBuildMetadata(path.join(installed, 'kappaface.node'), libtorch, 'Release', root, true);
    asked = [];
  });

  const ensure = (options: { yes?: boolean }, answer: boolean, variables: NodeJS.ProcessEnv = {}) =>
    ensureLibtorch(options, {
      root,
      env: readEnv({ KAPPA_CACHE: cache, KAPPA_PYTHON: python, ...variables }),
      ask: (question) => {
        asked.push(question);
        return Promise.resolve(answer);
      },
    });
  const isFetched = (): boolean =>
    fs.existsSync(path.join(cache, 'libtorch', '2.13.0-cpu', 'kappaface.json'));

  it('asks, with version, place and size, and fetches LibTorch where the answer is yes', async () => {
    assert.equal(await ensure({}, true), undefined);
    const folder = path.join(cache, 'libtorch', '2.13.0-cpu');
    assert.deepEqual(asked, [
      `LibTorch 2.13.0 (cpu) is not on this machine. Fetch it into ${folder} (0.2 GB to fetch, 0.5 GB on disk)?`,
    ]);
    assert.equal(findLibtorch(readEnv({ KAPPA_CACHE: cache })).version, '2.13.0');
    // It is there from then on.
    assert.equal(await ensure({}, false), undefined);
    assert.equal(asked.length, 1);
  });

  it('names the command where the answer is no', async () => {
    await assert.rejects(ensure({}, false), {
      code: 'ERR_LIBTORCH_NOT_FOUND',
      message: /What to do:\n {2}npx kappa libtorch install\n/,
    });
    assert.equal(isFetched(), false);
  });

  it('fetches without a question with --yes, and in CI', async () => {
    await ensure({ yes: true }, false);
    assert.equal(isFetched(), true);
    fs.rmSync(cache, { recursive: true });
    await ensure({}, false, { CI: 'true' });
    assert.equal(isFetched(), true);
    assert.deepEqual(asked, []);
  });

  it('fetches nothing where the addon is missing as well: that would not be enough', async () => {
    fs.rmSync(path.join(root, 'node_modules'), { recursive: true });
    assert.equal(await ensure({ yes: true }, true), undefined);
    assert.equal(isFetched(), false);
    assert.deepEqual(asked, []);
  });
});
