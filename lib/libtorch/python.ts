import { KappaError } from '../errors';
import type { LibtorchEnv } from './env';
import { runChildSync } from './process';

/** A Python that can be run. */
export interface Python {
  command: string;
  /** Such as `3.11.7`. */
  version: string;
  /** Version of its pip; absent where it has none. */
  pip?: string;
  /** Folder of its torch package; absent where it has none. */
  torch?: string;
}

// find_spec locates torch without importing it, which would take seconds. -P or an empty path entry would let a
// folder named torch in the working directory answer, hence the cleaning of sys.path.
const PROBE = `
import sys
sys.path = [p for p in sys.path if p not in ('', '.')]
import importlib.util, json, platform
def where(name):
    spec = importlib.util.find_spec(name)
    places = list(spec.submodule_search_locations or []) if spec else []
    return places[0] if places else None
def pip():
    try:
        from importlib.metadata import version
        return version('pip')
    except Exception:
        return None
print(json.dumps({'version': platform.python_version(), 'pip': pip() if where('pip') else None, 'torch': where('torch')}))
`;

/** The commands under which a Python may be found, in order. */
function pythonCommands(env: LibtorchEnv): string[] {
  if (env.python !== undefined) return [env.python];
  return process.platform === 'win32' ? ['python', 'python3', 'py'] : ['python3', 'python'];
}

/**
 * Finds a Python 3 and what it has.
 *
 * @throws KappaError `ERR_LIBTORCH_NOT_FOUND` where none can be run
 */
export function findPython(env: LibtorchEnv): Python {
  const failures: string[] = [];
  for (const command of pythonCommands(env)) {
    const { code, stdout, stderr } = runChildSync(command, ['-c', PROBE], { timeoutMs: 60_000 });
    if (code === 0) {
      try {
        const { version, pip, torch } = JSON.parse(stdout) as Record<string, string | null>;
        if (version?.startsWith('3.'))
          return { command, version, pip: pip ?? undefined, torch: torch ?? undefined };
        failures.push(`${command} is Python ${version}`);
      } catch {
        failures.push(`${command} gave an unexpected answer`);
      }
    } else {
      const lines = stderr.trim().split('\n');
      failures.push(`${command} does not run (${lines[lines.length - 1] || `exit code ${code}`})`);
    }
  }
  throw new KappaError('ERR_LIBTORCH_NOT_FOUND', `no Python 3 was found: ${failures.join(', ')}`);
}
