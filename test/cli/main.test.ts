import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { buildInfo } from '../../lib';
import { runKappa, runKappaEach, runScript, startKappa, type Ended } from '../support/run-kappa';

const root = join(__dirname, '..', '..');

describe('kappa', () => {
  it('prints help and its version on stdout', () => {
    const help = runKappa(['--help']);
    assert.equal(help.code, 0);
    for (const command of ['train', 'launch', 'eval', 'config', 'data', 'libtorch', 'doctor'])
      assert.match(help.stdout, new RegExp(`^  ${command} `, 'm'));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    const { code, stdout, stderr } = runKappa(['--version']);
    assert.deepEqual([code, stderr], [0, '']);
    const names = ['kappaface', 'addon', 'LibTorch', 'CUDA', 'Node.js'];
    assert.deepEqual(
      stdout.split('\n').map((line) => line.split(' ')[0]),
      [...names, ''],
    );
    assert.equal(stdout.split('\n')[0], `kappaface ${version}`);
    assert.match(
      stdout,
      new RegExp(`^Node.js +${process.versions.node}, Node-API ${process.versions['napi']}$`, 'm'),
    );
  });

  it('prints the versions of addon, LibTorch and CUDA that would be used, as JSON too', () => {
    const { code, stdout } = runKappa(['--version', '--json']);
    const { addon, libtorch, cuda, node } = JSON.parse(stdout) as Record<string, Record<string, unknown>>;
    assert.equal(code, 0);
    const { libtorch: loaded, cuda: withCuda } = buildInfo();
    assert.equal(libtorch!.version, loaded);
    assert.equal(cuda !== null, withCuda);
    assert.equal(typeof addon!.napi, 'number');
    assert.equal(node!.version, process.versions.node);
  });

  it('prints versions also where LibTorch and the addon are missing, and says so', () => {
    const nowhere = mkdtempSync(join(tmpdir(), 'kappa-version-'));
    try {
      const { code, stdout, stderr } = runKappa(['--version'], { LIBTORCH: nowhere });
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^addon +none that can be used \(npx kappa doctor says what to do\)$/m);
      assert.match(stdout, /^LibTorch +none that can be used/m);
      const json = runKappa(['--version', '--json'], { LIBTORCH: nowhere });
      const { addon, libtorch } = JSON.parse(json.stdout) as Record<string, unknown>;
      assert.deepEqual([json.code, addon, libtorch], [0, null, null]);
    } finally {
      rmSync(nowhere, { recursive: true });
    }
  });

  it('answers --help without loading LibTorch, decoders, schemas or progress bars', () => {
    const commands = [
      '--help',
      'launch --help',
      'data --help',
      'eval verification --help',
      'data pack --help',
    ];
    const { code, stdout } = runScript(`
      (async () => {
        for (const command of ${JSON.stringify(commands)}) await cli.run(command.split(' '));
        const heavy = Object.keys(require.cache).filter((file) =>
          /\\.node$|lib.(native|tensor|nn|head|train|data|image|config|prepare|report)\\b|lib.synth.(?!options)|lib.libtorch.(?!env|versions)|node_modules.(sharp|zod|jiti|yaml|cli-progress|@julusian)\\b/.test(file));
        process.stdout.write('\\nheavy ' + JSON.stringify(heavy) + ' of ' + Object.keys(require.cache).length);
      })();`);
    assert.equal(code, 0);
    assert.match(stdout, /\nheavy \[\] of [1-9]\d*$/);
  });

  it('tells the sections of a config, by their schema, where a command takes one', () => {
    const [{ code, stdout } = { code: 1, stdout: '' }] = runKappaEach([['train', '--help']]);
    assert.equal(code, 0);
    assert.match(stdout, /\n {2}optimizer +how parameters move\n/);
    assert.match(stdout, /\n {2}seed +seed of everything random\n/);
  });

  it('explains every command with --help', () => {
    const commands = [
      'train',
      'launch',
      'eval verification',
      'config print',
      'data inspect',
      'data synth',
      'libtorch install',
      'libtorch path',
      'doctor',
    ];
    const results = runKappaEach(commands.map((command) => [...command.split(' '), '--help']));
    commands.forEach((command, i) => {
      assert.equal(results[i]?.code, 0);
      assert.match(results[i]?.stdout ?? '', new RegExp(`^Usage: kappa ${command} `));
    });
  });

  it('refuses a wrong command line with 2, and suggests what may be meant', () => {
    const cases: [string, RegExp][] = [
      ['trian', /unknown command 'trian'\n\(Did you mean train\?\)/],
      ['config pirnt x', /Did you mean print\?/],
      ['train configs/base --jsno', /unknown option '--jsno'\n\(Did you mean --json\?\)/],
      ['train', /missing required argument 'config'/],
      ['train --resume configs/base', /The config comes first/],
      ['train a b', /too many arguments/],
      ['eval verification x', /--data <file\.\.\.>' not specified/],
      ['eval verification x --data y --batch-size 0', /Expected a whole number above 0/],
      ['eval verification x --data y --batch-size 1.5', /Expected a whole number above 0/],
      ['data synth', /nothing to write/],
      ['data synth x --identities many', /Expected a number/],
      ['config print configs/base --set seed', /^error \[ERR_USAGE\]: .*path\.to\.option=value/],
    ];
    const results = runKappaEach(cases.map(([command]) => command.split(' ')));
    cases.forEach(([command, message], i) => {
      const { code, stdout, stderr } = results[i] as Ended;
      assert.match(stderr, message);
      assert.equal(stdout, '');
      assert.equal(code, 2, command);
    });
    const [empty] = runKappaEach([[]]);
    assert.equal(empty?.code, 2);
    assert.match(empty?.stderr ?? '', /^Usage: kappa/);
  });
});

describe('kappa config print', () => {
  it('prints YAML with doc lines that is itself a config with the same values', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kappaface-cli-'));
    try {
      const printed = runKappa(['config', 'print', 'configs/base', '--set', 'seed=7']);
      assert.equal(printed.code, 0, printed.stderr);
      assert.match(printed.stdout, /^# seed of everything random\nseed: 7$/m);
      writeFileSync(join(folder, 'copy.yaml'), printed.stdout);
      const copy = runKappa(['config', 'print', 'copy', '--json'], {}, folder);
      const original = runKappa(['config', 'print', 'configs/base', '--set', 'seed=7', '--json']);
      assert.equal(copy.code, 0, copy.stderr);
      assert.deepEqual(JSON.parse(copy.stdout), JSON.parse(original.stdout));
      assert.equal(original.stderr, '');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("finds the package's configs from any folder", () => {
    const printed = runKappa(['config', 'print', 'configs/base', '--json'], {}, tmpdir());
    assert.equal((JSON.parse(printed.stdout) as { name: string }).name, 'base');
  });

  it('tells of a wrong config without a stack, and exits with 1', () => {
    const ended = runKappa(['config', 'print', 'configs/base', '--set', 'train.epohs=3']);
    assert.equal(ended.code, 1);
    assert.equal(ended.stdout, '');
    assert.match(
      ended.stderr,
      /^error \[ERR_CONFIG\]: .*\n {2}train\.epohs: .* Did you mean train\.epochs\?\n$/,
    );
  });

  it('shows the stack with KAPPA_DEBUG=1', () => {
    const ended = runKappa(['config', 'print', 'nothing'], { KAPPA_DEBUG: '1' });
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /\n +at .*load\.ts/);
  });

  it('is silent when its reader goes away', async () => {
    const child = startKappa(['config', 'print', 'configs/base'], ['ignore', 'pipe', 'pipe']);
    child.stdout?.destroy();
    const stderr = text(child.stderr as NodeJS.ReadableStream & AsyncIterable<Buffer>);
    const [code] = (await once(child, 'close')) as [number | null];
    assert.equal(await stderr, '');
    assert.equal(code, 0);
  });

  it('fails when its output cannot be written', async function () {
    if (!existsSync('/dev/full')) return this.skip();
    const full = openSync('/dev/full', 'w');
    const child = startKappa(['config', 'print', 'configs/base'], ['ignore', full, 'pipe']);
    closeSync(full);
    const stderr = text(child.stderr as NodeJS.ReadableStream & AsyncIterable<Buffer>);
    const [code] = (await once(child, 'close')) as [number | null];
    assert.match(await stderr, /^error \[ERR_IO\]: Could not write to the standard output/);
    assert.equal(code, 1);
  });
});

describe('errors of kappa', () => {
  const printError = JSON.stringify(join(root, 'lib', 'cli', 'print-error'));
  const print = (error: string): Ended =>
    runScript(`process.exitCode = require(${printError}).printError(${error});`);

  it('call an unexpected error a defect and say how to report it', () => {
    const { code, stderr } = print(`new TypeError('x is not a function')`);
    assert.equal(code, 1);
    assert.match(stderr, /^error \[ERR_INTERNAL\]: x is not a function\nThis is a defect of kappaface\./);
    assert.match(stderr, /KAPPA_DEBUG=1[^]*kappa doctor/);
    assert.doesNotMatch(stderr, /\n +at /);
    assert.match(print(`'a string'`).stderr, /^error \[ERR_INTERNAL\]: a string/);
    assert.match(print('undefined').stderr, /^error \[ERR_INTERNAL\]: undefined/);
  });

  it('tell what the operating system refused by its path', () => {
    const full = `Object.assign(new Error('ENOSPC: x'), { code: 'ENOSPC', syscall: 'write', path: 'a.bin' })`;
    const { code, stderr } = print(full);
    assert.equal(code, 1);
    assert.match(stderr, /^error \[ERR_IO\]: Could not write a\.bin: the disk is full/);
  });

  it('of a callback end the process like any other', () => {
    const ended = runScript(`
      process.argv = ['node', 'kappa', 'config', 'print', 'configs/base', '--json'];
      cli.main();
      setImmediate(() => { throw new Error('out of nowhere'); });`);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /^error \[ERR_INTERNAL\]: out of nowhere\nThis is a defect/);
  });
});
