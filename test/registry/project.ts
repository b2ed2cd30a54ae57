import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';

import { readEnv } from '../../lib/libtorch';
import { writeFiles } from '../support/folder';
import type { PackageManager } from './managers';

/** What package managers and shells use of a system: no compiler, no CMake, no Python. */
const SYSTEM_PROGRAMS = ['sh', 'bash', 'env', 'dirname', 'basename', 'sed', 'uname', 'readlink', 'cat', 'ls'];

const STEP_MINUTES = 5;

/** What the projects share. */
export interface Machine {
  /** An empty folder for everything. */
  readonly folder: string;
  readonly registry: string;
  /** The newest Node.js; the npm of this machine runs under the Node.js of this machine. */
  readonly newestNode: string;
}

const root = path.join(__dirname, '..', '..');
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };

/** Where a program is. @throws where it is not in PATH */
function findProgram(name: string): string {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // In none of the folders so far.
    }
  }
  throw new Error(`${name} is not in PATH.`);
}

/** A project of a user who has one package manager, no settings, no caches and no compiler. */
export class Project {
  readonly #manager: PackageManager;
  readonly #node: string;
  readonly #program: string;
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor({ folder, registry, newestNode }: Machine, manager: PackageManager) {
    this.#manager = manager;
    this.#node = manager.program === undefined ? process.execPath : newestNode;
    this.#program = manager.program ?? realpathSync(findProgram('npm'));
    const home = path.join(folder, manager.name);
    this.#folder = path.join(home, 'project');
    const bin = path.join(home, 'bin');
    mkdirSync(bin, { recursive: true });
    symlinkSync(this.#node, path.join(bin, 'node'));
    for (const name of SYSTEM_PROGRAMS) symlinkSync(findProgram(name), path.join(bin, name));
    // LibTorch is there already, the faces are drawn.
    const cache = path.join(home, 'cache');
    mkdirSync(cache);
    symlinkSync(path.join(readEnv().cache, 'libtorch'), path.join(cache, 'libtorch'));
    this.#env = { HOME: home, PATH: bin, KAPPA_CACHE: cache };
    cpSync(path.join(__dirname, 'project'), this.#folder, { recursive: true });
    writeFiles(this.#folder, {
      'package.json': JSON.stringify({ name: 'project', version: '1.0.0', private: true }),
      ...manager.settings(registry),
    });
  }

  /** Installs the package and uses it. @returns what went wrong, or undefined */
  try(): string | undefined {
    const { install, complaint, node } = this.#manager;
    try {
      const { said } = this.#run(install);
      if (complaint.test(said)) throw new Error(`It complains while it installs:\n${said}`);
      for (const file of ['uses.cjs', 'uses.mjs'])
        this.#expect([...node, file], /^base \[ 11, 22, 33 \] true \d+\.\d+\.\d+\S*$/m);
      this.#expect([...node, 'threads.mjs'], /^\[14,\[30,0\],\[55,0\],\[91,0\]\]$/m);
      this.#checkCommands();
    } catch (error) {
      return (error as Error).message;
    }
    return undefined;
  }

  #checkCommands(): void {
    const { kappa } = this.#manager;
    this.#expect([...kappa, '--version'], version);
    const { checks } = JSON.parse(this.#run([...kappa, 'doctor', '--json']).stdout) as {
      checks: { name: string; status: string; detail: string }[];
    };
    for (const wanted of ['LibTorch', 'Native addon', '@julusian/jpeg-turbo', 'sharp']) {
      const found = checks.find(({ name }) => name === wanted);
      if (found?.status !== 'ok')
        throw new Error(`kappa doctor on ${wanted}: ${found?.detail ?? 'not a word'}`);
    }
    this.#expect([...kappa, 'train', 'tiny.mjs'], /^Done: \d+ steps/m);
    const result = path.join(this.#folder, 'runs', 'tiny', 'result.json');
    if (!existsSync(result)) throw new Error(`kappa train left no ${result}`);
  }

  /** Runs the package manager; @returns what it and what it started printed: on stdout, and in all. */
  #run(args: readonly string[]): { stdout: string; said: string } {
    const { status, signal, stdout, stderr, error } = spawnSync(this.#node, [this.#program, ...args], {
      cwd: this.#folder,
      env: this.#env,
      encoding: 'utf8',
      timeout: STEP_MINUTES * 60_000,
    });
    const said = `${stdout}${stderr}`;
    if (status !== 0)
      throw new Error(
        `${args.join(' ')} ended with ${status ?? error?.message ?? signal}:\n${said.slice(-4000)}`,
      );
    return { stdout, said };
  }

  #expect(args: readonly string[], expected: RegExp | string): void {
    const { said } = this.#run(args);
    if (typeof expected === 'string' ? !said.includes(expected) : !expected.test(said))
      throw new Error(`${args.join(' ')} printed no ${expected}:\n${said.slice(-4000)}`);
  }
}
