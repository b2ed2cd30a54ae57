import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import type { DryRunReport } from '../../lib';
import { usableProcessors } from '../../lib/processors';
import { temporaryFolder, writeFile } from '../support/folder';
import { interruptKappa } from '../support/interrupt-kappa';
import { isRunning } from '../support/launch';
import { runKappa, runKappaEach, type Ended } from '../support/run-kappa';
import { tinyConfig, tinyFaces } from '../support/tiny-run';

const root = path.join(__dirname, '..', '..');

describe('kappa launch', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();

  before(function () {
    if (!existsSync(path.join(root, 'dist', 'cli', 'main.js'))) this.skip(); // workers run what is compiled
  });

  /** Has kappa do next to nothing, and the process stay. */
  const stay = `argv.splice(2, Infinity, '--version'); setInterval(() => {}, 1000);`;

  /** Runs a piece of JavaScript in every worker instead of kappa train. */
  function inWorkers(name: string, body: string): Record<string, string> {
    const file = writeFile(
      folder,
      `${name}.js`,
      `if (process.env.RANK !== undefined) { const { env, argv } = process; ${body} }`,
    );
    return { NODE_OPTIONS: `--require ${file}` };
  }

  it('starts kappa train with its arguments in every process, and divides the processors', () => {
    const body = `console.log('<' + [env.RANK, env.WORLD_SIZE, env.KAPPA_THREADS, ...argv.slice(1).map((x) => x.replace(/.*[/]bin/, 'bin'))].join(' ') + '>'); process.exit(0);`;
    const { code, stdout, stderr } = runKappa(
      [
        'launch',
        '--nproc_per_node=2',
        '--max-restarts',
        '1',
        'configs/base',
        '--set',
        'train.epochs=1',
        '--json',
      ],
      inWorkers('arguments', body),
    );
    assert.equal(code, 0, stderr);
    const threads = Math.max(1, Math.floor(usableProcessors() / 2));
    const line = (rank: number): string =>
      `<${rank} 2 ${threads} bin/kappa.js train configs/base --set train.epochs=1 --json>`;
    assert.deepEqual(stdout.trim().split('\n').sort(), [line(0), `[rank 1] ${line(1)}`].sort());
  });

  it("leaves the user's number of threads, and takes torchrun's variables for flags", () => {
    const env = {
      ...inWorkers('threads', `console.log(env.RANK + ' ' + env.KAPPA_THREADS); process.exit(0);`),
      KAPPA_THREADS: '3',
    };
    const { code, stdout } = runKappa(['launch', 'configs/base'], { ...env, PET_NPROC_PER_NODE: '2' });
    assert.equal(code, 0);
    assert.deepEqual(stdout.trim().split('\n').sort(), ['0 3', '[rank 1] 1 3']);
  });

  it('fails with 1 and the cause where a process fails', () => {
    const body = `console.error('a last word'); process.exit(env.RANK === '1' ? 2 : 0);`;
    const { code, stderr } = runKappa(
      ['launch', '--nproc-per-node', '2', '--log-dir', path.join(folder, 'logs'), 'configs/base'],
      inWorkers('fails', body),
    );
    assert.equal(code, 1);
    assert.match(
      stderr,
      /error \[ERR_PEER\]: Rank 1 \(.*\) failed: exit code 2\.\nIts last lines:\n {2}a last word\n/,
    );
    assert.equal(
      readFileSync(path.join(folder, 'logs', 'attempt_0', '1', 'stderr.log'), 'utf8'),
      'a last word\n',
    );
  });

  it('trains', async () => {
    const faces = await tinyFaces(path.join(folder, 'cache'));
    const config = tinyConfig(faces, path.join(folder, 'runs'), { train: { epochs: 1, batchSize: 8 } });
    const file = path.join(folder, 'tiny.yaml');
    writeFileSync(file, stringify(config));
    const { code, stdout, stderr } = runKappa(['launch', '--standalone', file, '--dry-run', '--json']);
    assert.equal(code, 0, stderr);
    assert.equal((JSON.parse(stdout) as DryRunReport).step.updated, true);
  });

  it('passes Ctrl-C on, and ends with its exit code when all have ended', async () => {
    const body = `process.on('SIGINT', () => { console.error('saved ' + env.RANK); process.exit(130); }); console.error('ready' + env.RANK); ${stay}`;
    const ended = await interruptKappa(
      ['launch', '--nproc-per-node', '2', 'configs/base'],
      (stderr) => stderr.includes('ready0') && stderr.includes('ready1'),
      { env: inWorkers('signal', body) },
    );
    assert.equal(ended.code, 130, ended.stderr);
    assert.match(
      ended.stderr,
      /SIGINT: all processes write a checkpoint and end \(once more to leave at once\)/,
    );
    for (const rank of [0, 1]) assert.match(ended.stderr, new RegExp(`saved ${rank}`));
  });

  it('ends at once, and with it all processes, the second time', async () => {
    const body = `process.on('SIGTERM', () => console.error('deaf')); console.error('pid ' + process.pid + ';'); ${stay}`;
    const child = spawn(
      process.execPath,
      ['bin/kappa.js', 'launch', '--nproc-per-node', '2', 'configs/base'],
      {
        cwd: root,
        env: { ...process.env, ...inWorkers('deaf', body) },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let stderr = '';
    const news = new Promise<void>((resolve) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
        if ((stderr.match(/pid \d+;/g) ?? []).length === 2) resolve();
      });
    });
    await news;
    child.kill('SIGTERM');
    while (!/deaf[^]*deaf/.test(stderr)) await once(child.stderr, 'data');
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number | null];
    assert.equal(code, 143);
    const pids = [...stderr.matchAll(/pid (\d+);/g)].map(([, pid]) => Number(pid));
    while (pids.some(isRunning)) await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it('tells what is wrong with flags, arguments or config once, before anything is started', () => {
    const cases: [string[], number, RegExp][] = [
      [['launch'], 2, /missing required argument 'config'/],
      [['launch', '--nproc', '2', 'configs/base'], 2, /unknown option '--nproc'/],
      [
        ['launch', '--nproc-per-node', 'x', 'configs/base'],
        2,
        /error \[ERR_USAGE\]: .*--nproc-per-node .*"x"/,
      ],
      [['launch', '--nnodes', '1:2', 'configs/base'], 2, /needs --rdzv-endpoint/],
      [['launch', 'configs/base', '--jsno'], 2, /unknown option '--jsno'\n\(Did you mean --json\?\)/],
      [
        ['launch', 'configs/base', '--set', 'train.epohs=1'],
        1,
        /train\.epohs: .* Did you mean train\.epochs\?/,
      ],
      [['launch', 'configs/nothing'], 1, /error \[ERR_CONFIG\]: There is no config configs\/nothing/],
    ];
    const results = runKappaEach(cases.map(([command]) => command));
    cases.forEach(([command, expected, message], i) => {
      const { code, stdout, stderr } = results[i] as Ended;
      assert.match(stderr, message);
      assert.deepEqual([code, stdout], [expected, ''], command.join(' '));
    });
  });

  it('helps with itself before the config, and with kappa train behind it', () => {
    const [launch, train] = runKappaEach([
      ['launch', '--help'],
      ['launch', 'configs/base', '--help'],
    ]);
    assert.match(
      launch?.stdout ?? '',
      /^Usage: kappa launch \[options\] <config> \[options of kappa train\]\n/,
    );
    assert.match(launch?.stdout ?? '', /--rdzv-endpoint <host:port>/);
    assert.doesNotMatch(launch?.stdout ?? '', /nproc_per_node/);
    assert.match(train?.stdout ?? '', /^Usage: kappa train/);
    assert.deepEqual([launch?.code, train?.code], [0, 0]);
  });
});
