import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');
const main = join(root, 'lib', 'cli', 'main');
const tsNode = require.resolve('ts-node/register/transpile-only');

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function nodeArguments(script: string, args: readonly string[]): string[] {
  return ['-r', tsNode, '-e', script, 'kappa', ...args];
}

function environment(extra: Record<string, string>): NodeJS.ProcessEnv {
  const { KAPPA_DEBUG: _debug, KAPPA_THREADS: _threads, ...others } = process.env;
  return { ...others, NO_COLOR: '1', TS_NODE_PROJECT: join(root, 'tsconfig.json'), ...extra };
}

/** Runs a piece of JavaScript in a process of its own, with the command line's module as `cli`. */
export function runScript(script: string, env: Record<string, string> = {}, cwd = root): Ended {
  const prelude = `const cli = require(${JSON.stringify(main)});`;
  const { status, stdout, stderr } = spawnSync(process.execPath, nodeArguments(`${prelude}${script}`, []), {
    cwd,
    env: environment(env),
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

/** Runs `kappa` several times in one process, which is quicker, and tells how each run ended. */
export function runKappaEach(commands: readonly (readonly string[])[]): Ended[] {
  const { stdout, stderr } = runScript(`
    (async () => {
      const results = [];
      for (const command of ${JSON.stringify(commands)}) {
        const result = { code: null, stdout: '', stderr: '' };
        const originals = [process.stdout.write, process.stderr.write];
        for (const name of ['stdout', 'stderr'])
          process[name].write = (text, done) => {
            result[name] += text;
            if (done) done();
            return true;
          };
        result.code = await cli.run(command);
        [process.stdout.write, process.stderr.write] = originals;
        results.push(result);
      }
      process.stdout.write(JSON.stringify(results));
    })();`);
  if (stderr !== '') throw new Error(stderr);
  return JSON.parse(stdout) as Ended[];
}

/** Runs `kappa` with arguments, from the sources. */
export function runKappa(args: readonly string[], env: Record<string, string> = {}, cwd = root): Ended {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    nodeArguments(`require(${JSON.stringify(main)}).main()`, args),
    { cwd, env: environment(env), encoding: 'utf8' },
  );
  return { code: status, stdout, stderr };
}

/** Starts `kappa` with arguments, from the sources. */
export function startKappa(args: readonly string[], stdio: SpawnOptions['stdio']): ChildProcess {
  return spawn(process.execPath, nodeArguments(`require(${JSON.stringify(main)}).main()`, args), {
    cwd: root,
    env: environment({}),
    stdio,
  });
}
