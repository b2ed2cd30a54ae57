import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildAddon } from '../../lib/cli/build';
import { writePython, writeWheel } from '../support/fake-libtorch';
import { jpeg } from '../support/faces';
import { interruptKappa, interruptScript } from '../support/interrupt-kappa';

/** A long task of a kind, whose exit code is the process's. */
const longTask = (task: string): string => `
  const { KappaError } = require('./lib/errors');
  const { runLongTask } = require('./lib/cli/long-task');
  const wait = setInterval(() => {}, 1000);
  runLongTask('Waiting', ({ signal }) => new Promise((resolve, reject) => {
    console.error('ready');
    ${task}
  })).then(
    (run) => { process.exitCode = run.exitCode ?? run.result; },
    (error) => { console.error(error.message); process.exitCode = 1; },
  ).finally(() => clearInterval(wait));`;

describe('Ctrl-C', function () {
  this.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), 'kappa-cli-interruption-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string): string => join(folder, name);
  const ready = (stderr: string): boolean => stderr.includes('ready');
  const files = (name: string): string[] => (existsSync(at(name)) ? readdirSync(at(name)) : []);
  const isWriting = (name: string) => (): boolean => files(name).some((file) => file.endsWith('.partial'));

  before(function () {
    if (process.platform === 'win32') this.skip(); // there are no signals to send
  });

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    it(`ends a long task in order on ${signal}, with ${code}`, async () => {
      const cancel = `new KappaError('ERR_CANCELLED', 'The wait was interrupted.')`;
      const script = longTask(`signal.addEventListener('abort', () => setTimeout(reject, 50, ${cancel}));`);
      const ended = await interruptScript(script, [], ready, { signal });
      assert.equal(ended.code, code, ended.stderr);
      assert.equal(
        ended.stderr,
        `ready\n${signal}: stopping (once more to leave at once) ...\nThe wait was interrupted.\n`,
      );
      assert.equal(ended.stdout, '');
    });

  it('ends at once the second time, whatever the task does', async () => {
    const script = longTask(`signal.addEventListener('abort', () => process.kill(process.pid, 'SIGTERM'));`);
    assert.equal((await interruptScript(script, [], ready)).code, 143);
  });

  it('does not hide an error or a result that came all the same', async () => {
    const script = (end: string): string => longTask(`signal.addEventListener('abort', () => ${end});`);
    const failed = await interruptScript(script(`reject(new Error('the disk broke'))`), [], ready);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /the disk broke/);
    assert.equal((await interruptScript(script('resolve(7)'), [], ready)).code, 7);
  });

  it('ends kappa data synth and leaves nothing half written', async () => {
    for (const workers of ['0', '2']) {
      const people = ['--identities', '3000', '--verification-identities', '2', '--pairs', '20'];
      const args = ['data', 'synth', at(workers), ...people, '--workers', workers];
      const ended = await interruptKappa(args, isWriting(workers));
      assert.equal(ended.code, 130, ended.stderr);
      assert.match(
        ended.stderr,
        /SIGINT: stopping .*\nThe work to draw synthetic faces was interrupted\.\n$/,
      );
      assert.deepEqual(files(workers), []);
    }
  });

  it('ends the tools for data, with and without worker threads', async () => {
    for (let person = 0; person < 40; person++) {
      mkdirSync(at(`faces/p${person}`), { recursive: true });
      for (let i = 0; i < 50; i++) writeFileSync(at(`faces/p${person}/${i}.jpg`), jpeg(person + i));
    }
    for (const workers of ['0', '2']) {
      const name = `packed${workers}`;
      const args = ['data', 'pack', at('faces'), at(name), '--format', 'png', '--workers', workers];
      const ended = await interruptKappa(args, isWriting(name));
      assert.equal(ended.code, 130, ended.stderr);
      assert.deepEqual(files(name), []);
    }
  });

  it('ends kappa train also before its first step', async () => {
    const args = ['train', 'configs/base', '--output', at('runs')];
    const env = { KAPPA_CACHE: at('cache') };
    const ended = await interruptKappa(args, (stderr) => stderr.includes('Drawing the synthetic'), { env });
    assert.equal(ended.code, 130, ended.stderr);
    assert.match(ended.stderr, /The work to draw synthetic faces was interrupted\.\n$/);
    assert.deepEqual(files('cache/synth'), []);
    assert.deepEqual(files('runs'), []);
  });

  it('ends kappa libtorch install while it fetches, and leaves nothing', async () => {
    const wheel = writeWheel(at('torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl'));
    const python = writePython(at('python'), { wheel, delay: 60_000 });
    const env = { KAPPA_CACHE: at('libs'), KAPPA_PYTHON: python, LIBTORCH: '', LIBTORCH_USE_PYTORCH: '' };
    const fetching = (): boolean => files('libs/libtorch').some((name) => name.includes('.partial-'));
    const ended = await interruptKappa(['libtorch', 'install', '--no-build'], fetching, { env });
    assert.equal(ended.code, 130, ended.stderr);
    assert.match(ended.stderr, /SIGINT: stopping/);
    assert.deepEqual(files('libs/libtorch'), []);
  });

  it('ends the build of the addon, with the compilers that it started', async () => {
    const script = at('build.js');
    writeFileSync(
      script,
      `const { spawn } = require('node:child_process');
       const compiler = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
       require('node:fs').writeFileSync(${JSON.stringify(at('pid'))}, String(compiler.pid));
       setInterval(() => {}, 1000);`,
    );
    const controller = new AbortController();
    const building = assert.rejects(
      buildAddon({ root: '/libtorch', variant: 'cpu' }, { script, signal: controller.signal }),
      {
        code: 'ERR_CANCELLED',
        message: 'The build of the native addon was interrupted.',
      },
    );
    const pause = () => new Promise((resolve) => setTimeout(resolve, 10));
    while (!existsSync(at('pid')) || readFileSync(at('pid'), 'utf8') === '') await pause();
    controller.abort();
    await building;
    const compiler = Number(readFileSync(at('pid'), 'utf8'));
    await assert.doesNotReject(async () => {
      for (let left = 500; isRunning(compiler); left--) {
        if (left === 0) throw new Error('the compiler goes on');
        await pause();
      }
    });
  });
});

/** Whether a process still does something; one that only waits for its parent to ask for its exit code does not. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const state = existsSync('/proc')
    ? /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    : null;
  return state?.[1] !== 'Z';
}
