import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { readEnv } from '../../lib/libtorch/env';
import type { FoundLibtorch } from '../../lib/libtorch/find';
import { libraryName } from '../../lib/libtorch/inspect';
import { installLibtorch } from '../../lib/libtorch/install';
import type { InstallProgress } from '../../lib/libtorch/progress';
import { fakeFiles, sha256, writePython, writeTree, writeWheel } from '../support/fake-libtorch';
import { temporaryFolder } from '../support/folder';
import type { FakePythonOptions } from '../support/fake-libtorch';
import { makeZip } from '../support/zip-writer';

/** Starts an installation in a process of its own. */
function startChild(env: NodeJS.ProcessEnv): ChildProcess {
  const script = path.join(__dirname, 'install-child.ts');
  return spawn(process.execPath, ['-r', 'ts-node/register/transpile-only', script], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function result(child: ChildProcess): Promise<{ stdout: string; stderr: string; code: number }> {
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => (texts[name] += chunk));
  const [code] = (await once(child, 'close')) as [number];
  return { ...texts, code };
}

describe('installing LibTorch', function () {
  let folder: string;
  let cache: string;
  let wheel: string;
  let env: NodeJS.ProcessEnv;
  before(function () {
    // The stand-in for Python is a script with a #! line.
    if (process.platform === 'win32') this.skip();
  });
  beforeEach(() => {
    folder = temporaryFolder();
    cache = path.join(folder, 'cache');
    wheel = writeWheel(path.join(folder, 'torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl'));
    env = { KAPPA_CACHE: cache, KAPPA_PYTHON: path.join(folder, 'python') };
    python({ wheel });
  });

  const python = (options: FakePythonOptions): string => writePython(path.join(folder, 'python'), options);
  const install = (extra: NodeJS.ProcessEnv = {}): Promise<FoundLibtorch> =>
    installLibtorch({ env: readEnv({ ...env, ...extra }) });
  const cached = (): string[] => {
    const parent = path.join(cache, 'libtorch');
    return fs.existsSync(parent) ? fs.readdirSync(parent) : [];
  };

  it('fetches the wheel through pip once, and finds it in the cache from then on', async () => {
    const log = path.join(folder, 'log');
    python({ wheel, log });
    const phases = new Set<string>();
    const first = await installLibtorch({ env: readEnv(env), onProgress: ({ phase }) => phases.add(phase) });
    assert.deepEqual([first.version, first.variant, first.source], ['2.13.0', 'cpu', 'cache']);
    assert.deepEqual([...phases], ['source', 'download', 'unpack', 'sync']);
    assert.deepEqual(await install(), first);
    const calls = fs.readFileSync(log, 'utf8').trim().split('\n');
    assert.equal(calls.length, 1);
    assert.match(
      calls[0] ?? '',
      /^-m pip download --no-deps --only-binary=:all: --python-version 3\.11 .*torch==2\.13\.0\S*$/,
    );
    assert.deepEqual(cached(), ['2.13.0-cpu']);
  });

  it('asks for the ordinary wheel where there is no +cpu build', async () => {
    python({ wheel, requirement: 'torch==2.13.0' });
    assert.equal((await install()).version, '2.13.0');
  });

  it('uses LIBTORCH without fetching anything', async () => {
    const root = writeTree(path.join(folder, 'own'));
    assert.equal((await install({ LIBTORCH: root })).root, root);
    assert.deepEqual(cached(), []);
  });

  it('lists every attempt with its reason and every remedy when nothing works', async () => {
    python({ pip: false });
    // Nothing is reachable at this address, which stands for a machine without a network.
    const noNetwork = {
      KAPPA_LIBTORCH_URL: 'http://127.0.0.1:9/libtorch.zip',
      KAPPA_LIBTORCH_SHA256: '0'.repeat(64),
    };
    await assert.rejects(install(noNetwork), (error: Error & { code: string }) => {
      assert.equal(error.code, 'ERR_LIBTORCH_NOT_FOUND');
      assert.match(error.message, /1\. LIBTORCH: not set/);
      assert.match(error.message, /3\. the cache .*: empty/);
      assert.match(error.message, /4\. KAPPA_LIBTORCH_URL=http:\S+: .*could not be fetched/);
      assert.match(error.message, /Any one of these helps:(\n {2}- .*){6}/);
      return true;
    });
    assert.deepEqual(cached(), []);
  });

  it('refuses a wheel of another version, of the CUDA variant, or a damaged one, and leaves nothing', async () => {
    const options = [
      { version: '2.14.1', reason: /is LibTorch 2\.14\.1; wanted is 2\.13\.0/ },
      { cuda: true, reason: /is the cuda variant/ },
      { record: () => '', reason: /is not in its RECORD/ },
    ];
    for (const { reason, ...fake } of options) {
      const url = pathToFileURL(writeWheel(path.join(folder, 'bad.whl'), fake)).href;
      await assert.rejects(install({ KAPPA_LIBTORCH_URL: url }), { message: reason });
      assert.deepEqual(cached(), []);
    }
  });

  it('takes a zip only with the right checksum: given by the user or lying beside it', async () => {
    const members = Object.entries(fakeFiles()).map(([name, content]) => ({
      name: `libtorch/${name}`,
      content,
    }));
    const zip = path.join(folder, 'libtorch.zip');
    fs.writeFileSync(zip, makeZip(members));
    const url = { KAPPA_LIBTORCH_URL: pathToFileURL(zip).href };
    await assert.rejects(
      install(url),
      /no checksum is known for libtorch\.zip: give it as KAPPA_LIBTORCH_SHA256/,
    );
    await assert.rejects(install({ ...url, KAPPA_LIBTORCH_SHA256: '0'.repeat(64) }), /expected 0000/);
    fs.writeFileSync(`${zip}.sha256`, `${'1'.repeat(64)}  libtorch.zip\n`);
    await assert.rejects(install(url), /expected 1111/);
    assert.deepEqual(cached(), []);
    fs.writeFileSync(`${zip}.sha256`, `${sha256(zip)}  libtorch.zip\n`);
    assert.equal((await install(url)).version, '2.13.0');
    fs.rmSync(cache, { recursive: true });
    fs.rmSync(`${zip}.sha256`);
    assert.equal((await install({ ...url, KAPPA_LIBTORCH_SHA256: sha256(zip) })).version, '2.13.0');
  });

  it('leaves nothing when cancelled, whether while fetching or while unpacking', async () => {
    for (const phase of ['download', 'unpack'] as const) {
      python({ wheel, delay: phase === 'download' ? 60_000 : 0 });
      const controller = new AbortController();
      const onProgress = (progress: InstallProgress): void => {
        if (progress.phase === phase) controller.abort();
      };
      const installing = installLibtorch({ env: readEnv(env), onProgress, signal: controller.signal });
      await assert.rejects(installing, { code: 'ERR_CANCELLED' });
      assert.deepEqual(cached(), []);
    }
  });

  it('survives a kill: the next installation cleans up and succeeds', async () => {
    python({ wheel, delay: 3_000 });
    const child = startChild(env);
    child.stderr?.setEncoding('utf8');
    while (!cached().some((name) => name.includes('.partial-')) || !cached().includes('2.13.0-cpu.lock'))
      await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill('SIGKILL');
    await once(child, 'close');
    assert.equal(cached().length, 2);
    python({ wheel });
    await install();
    assert.deepEqual(cached(), ['2.13.0-cpu']);
  });

  it('serves two processes at once with one fetch and one result', async () => {
    const log = path.join(folder, 'log');
    python({ wheel, log, delay: 300 });
    const both = await Promise.all([result(startChild(env)), result(startChild(env))]);
    assert.deepEqual(
      both.map(({ code }) => code),
      [0, 0],
      both.map(({ stderr }) => stderr).join('\n'),
    );
    assert.equal(both[0].stdout, both[1].stdout);
    assert.equal(fs.readFileSync(log, 'utf8').trim().split('\n').length, 1);
    assert.deepEqual(cached(), ['2.13.0-cpu']);
  });

  it('replaces a damaged LibTorch in the cache', async () => {
    const { root } = await install();
    const library = path.join(root, 'lib', libraryName('torch_cpu'));
    const { size } = fs.statSync(library);
    fs.truncateSync(library, 3);
    await install();
    assert.equal(fs.statSync(library).size, size);
    assert.deepEqual(cached(), ['2.13.0-cpu']);
  });
});
