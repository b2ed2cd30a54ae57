import path from 'node:path';

import { readEnv } from '../env';
import { PACKAGE_ROOT } from '../package-root';
import { runChild } from '../process';

/** One finding about the machine: what it is, how it stands, what to do about it. */
export interface Check {
  name: string;
  status: 'ok' | 'warning' | 'missing';
  detail: string;
  /** What to do; absent where all is well. */
  remedy?: string;
}

const MINIMUM_CMAKE = [3, 22] as const;

function installHint(packages: { apt: string; dnf: string; brew: string; windows: string }): string {
  if (process.platform === 'darwin') return packages.brew;
  if (process.platform === 'win32') return packages.windows;
  return `sudo apt-get install ${packages.apt} (Debian, Ubuntu) or sudo dnf install ${packages.dnf} (Fedora, RHEL)`;
}

/** Is there a CMake that is new enough? */
export async function checkCmake(): Promise<Check> {
  const remedy = installHint({
    apt: 'cmake',
    dnf: 'cmake',
    brew: 'brew install cmake',
    windows: 'winget install Kitware.CMake',
  });
  const name = 'CMake';
  const wanted = MINIMUM_CMAKE.join('.');
  const { code, stdout } = await runChild('cmake', ['--version'], { timeoutMs: 30_000 });
  const version = /version (\d+)\.(\d+)[.\d]*/.exec(stdout);
  if (code !== 0 || version === null)
    return { name, status: 'missing', detail: `not found (${wanted} or newer is needed)`, remedy };
  const [major, minor] = [Number(version[1]), Number(version[2])];
  if (major < MINIMUM_CMAKE[0] || (major === MINIMUM_CMAKE[0] && minor < MINIMUM_CMAKE[1]))
    return {
      name,
      status: 'missing',
      detail: `${version[0]} is too old (${wanted} or newer is needed)`,
      remedy: `${remedy}; a newer one also comes with: python3 -m pip install cmake`,
    };
  return { name, status: 'ok', detail: version[0] };
}

/** A program that has what the sources need of a compiler. CMake tries it, too. */
const PROBE = path.join(PACKAGE_ROOT, 'native', 'compiler_probe.cc');

/** Is there a compiler that takes the sources? Asks `cxx` (default: the variable `CXX`), else the ones CMake would pick. */
export async function checkCompiler(cxx: string | undefined = readEnv().cxx): Promise<Check> {
  const name = 'C++ compiler';
  const remedy = installHint({
    apt: 'g++',
    dnf: 'gcc-c++',
    brew: 'xcode-select --install',
    windows: 'install the "Desktop development with C++" workload of Visual Studio 2022',
  });
  // Visual Studio's compiler is not in the path; CMake finds it by the registry.
  if (process.platform === 'win32')
    return {
      name,
      status: 'warning',
      detail: 'not checked on Windows; Visual Studio 2022 is needed',
      remedy,
    };
  const fails: string[] = [];
  for (const command of cxx ? [cxx] : ['c++', 'g++', 'clang++']) {
    const version = await runChild(command, ['--version'], { timeoutMs: 30_000 });
    const title = version.stdout.split('\n')[0] ?? command;
    if (version.code !== 0) {
      fails.push(`${command}: not found`);
      continue;
    }
    const { code } = await runChild(command, ['-std=c++20', '-fsyntax-only', PROBE], { timeoutMs: 60_000 });
    if (code === 0) return { name, status: 'ok', detail: title };
    fails.push(`${title}: does not compile the C++20 that is needed (GCC 11, Clang 14 and newer do)`);
  }
  return { name, status: 'missing', detail: fails.join(', '), remedy };
}

/** What is missing to build the addon, a paragraph each: the tool, and how to install it. */
export async function checkTools(): Promise<string[]> {
  const checks = [await checkCmake(), await checkCompiler()];
  return checks
    .filter(({ status }) => status === 'missing')
    .map(({ name, detail, remedy }) => `${name}: ${detail}\n    Install it: ${remedy}`);
}
