import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import ts from 'typescript';
import { freePort } from '../../lib/distributed/launcher/addresses';
import { Launcher, type LaunchOutcome } from '../../lib/distributed/launcher/launcher';
import type { LaunchPlan } from '../../lib/distributed/launcher/plan';
import type { LauncherTimes } from '../../lib/distributed/launcher/times';

const sources = path.join(__dirname, '..', '..', 'lib', 'distributed', 'launcher');

/** Times for tests: quick where nothing goes wrong by them, generous where a slow machine could. */
export const testTimes: LauncherTimes = {
  grace: 1_500,
  checkpointGrace: 30_000,
  settle: 400,
  lastCall: 300,
  join: 60_000,
  heartbeat: 200,
  silence: 20_000,
  connect: 10_000,
};

/**
 * Writes a program that plays a worker: it runs a piece of JavaScript with `rank`, `world`, `round`, `restarts`, `say`
 * (a line on stdout), `link` (to the launcher) and `stay` (do not end) at hand.
 *
 * @returns makes the command of a worker with a piece of JavaScript
 */
export function workerProgram(folder: string): (body: string) => string[] {
  const source = readFileSync(path.join(sources, 'worker-link.ts'), 'utf8');
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 },
  });
  writeFileSync(path.join(folder, 'worker-link.js'), outputText);
  const file = path.join(folder, 'worker.js');
  writeFileSync(
    file,
    `const { linkToLauncher } = require('./worker-link.js');
     const { env } = process;
     const [rank, world, round, restarts] = ['RANK', 'WORLD_SIZE', 'KAPPA_ROUND', 'TORCHELASTIC_RESTART_COUNT'].map((name) => Number(env[name]));
     const say = (text) => console.log(text);
     const link = linkToLauncher({ source: 'launch' }, { onLost: () => process.exit(7) });
     const stay = () => setInterval(() => {}, 1000);
     new Function('rank', 'world', 'round', 'restarts', 'say', 'link', 'stay', 'env', 'require', process.argv[2])(
       rank, world, round, restarts, say, link, stay, env, require);`,
  );
  return (body) => [process.execPath, file, body];
}

/** A launcher in this process, with what its terminal shows. */
export class TestLaunch {
  readonly launcher: Launcher;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly messages: string[] = [];
  readonly result: Promise<LaunchOutcome>;
  #text = '';

  constructor(command: readonly string[], plan: Partial<LaunchPlan> = {}) {
    for (const stream of [this.stdout, this.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#text += text;
        this.stdout.emit('news');
      });
    this.launcher = new Launcher({
      command,
      env: process.env,
      processes: 1,
      nodes: { min: 1, max: 1 },
      meeting: { kind: 'alone' },
      runId: 'test',
      maxRestarts: 0,
      version: '1.2.3',
      shows: () => ({ stdout: true, stderr: true }),
      stdout: this.stdout,
      stderr: this.stderr,
      onMessage: (text) => {
        this.messages.push(text);
        this.stdout.emit('news');
      },
      times: testTimes,
      ...plan,
    });
    this.result = this.launcher.run();
    // A test may look at something else first.
    this.result.catch(() => undefined);
  }

  /** What the terminal has shown. */
  get text(): string {
    return this.#text;
  }

  /** Waits for something on the terminal. @returns what matched */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#waitFor(pattern, () => this.#text);
  }

  /** Waits for a message to the person at the terminal. */
  async tells(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#waitFor(pattern, () => this.messages.join('\n'));
  }

  async #waitFor(pattern: RegExp, text: () => string): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(text());
      if (match) return match;
      await once(this.stdout, 'news');
    }
  }
}

/** What differs from the plan of {@link TestLaunch}. */
export type NodePlan = Partial<LaunchPlan>;

/** Launchers whose node ranks are given, on this machine. */
export async function staticNodes(count: number, plan: NodePlan = {}): Promise<NodePlan[]> {
  const port = await freePort();
  return Array.from({ length: count }, (_, nodeRank) => ({
    nodes: { min: count, max: count },
    ...plan,
    meeting: { kind: 'static' as const, nodeRank, host: '127.0.0.1', port },
  }));
}

/** Launchers that meet at an address of this machine: who comes first serves. */
export async function elasticNodes(
  count: number,
  nodes: { min: number; max: number },
  plan: NodePlan = {},
): Promise<NodePlan[]> {
  const port = await freePort();
  return Array.from({ length: count }, () => ({
    nodes,
    ...plan,
    meeting: { kind: 'elastic' as const, host: 'localhost', port },
  }));
}

/** Whether a process is there. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie has ended; only its parent has not asked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Starts a launcher in a process of its own, perhaps behind another program; what it shows is in `text`. */
export function startLauncher(
  command: readonly string[],
  plan: NodePlan,
  behind: (line: readonly string[]) => readonly string[] = (line) => line,
): { child: ChildProcess; text: () => string } {
  const script = `
    const { Launcher } = require('./lib/distributed/launcher/launcher');
    const { stdout, stderr, env } = process;
    const launcher = new Launcher({
      env, stdout, stderr, processes: 2, nodes: { min: 1, max: 1 }, meeting: { kind: 'alone' }, runId: 'test', maxRestarts: 0,
      version: '1.2.3', shows: () => ({ stdout: true, stderr: true }), onMessage: console.log, ...JSON.parse(process.argv[1]),
    });
    process.on('SIGTERM', () => launcher.interrupt('SIGTERM'));
    launcher.run().then(
      ({ outcome }) => console.log('outcome ' + outcome),
      ({ code, message }) => console.log('error ' + code + ' ' + message),
    );`;
  const tsNode = require.resolve('ts-node/register/transpile-only');
  const options = JSON.stringify({ ...plan, command });
  const [program = '', ...args] = behind([process.execPath, '-r', tsNode, '-e', script, options]);
  const child = spawn(program, args, {
    cwd: path.join(__dirname, '..', '..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (data: string) => (text += data));
  return { child, text: () => text };
}

/** Waits until something is so. */
export async function until(what: () => boolean): Promise<void> {
  while (!what()) await sleep(20);
}
