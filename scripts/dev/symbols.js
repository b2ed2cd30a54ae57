'use strict';
// What a prebuilt addon asks of a system: node scripts/dev/symbols.js FILE.node ...
// It may ask for no newer glibc and libstdc++ than manylinux_2_28 has, for LibTorch's own libraries, and for none by a path.
const { execFileSync } = require('node:child_process');
const path = require('node:path');

/** The newest versions of symbols that manylinux_2_28 (AlmaLinux 8: glibc 2.28, GCC 8) has. */
const NEWEST = { GLIBC: '2.28', GLIBCXX: '3.4.25', CXXABI: '1.3.11', GCC: '8.0.0' };

/** Libraries that are there on each such system, and those that LibTorch brings. */
const SYSTEM = /^(lib(stdc\+\+|m|c|gcc_s|dl|pthread|rt)\.so\.\d+|ld-linux-[-\w]+\.so\.\d+)$/;
const LIBTORCH = /^lib(torch|torch_cpu|torch_cuda|c10|c10_cuda|gomp|cudart)\.so(\.\d+)?$/;

const isNewer = (version, bound) => {
  const [a, b] = [version, bound].map((text) => text.split('.').map(Number));
  for (let i = 0; i < Math.max(a.length, b.length); i++)
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0);
  return false;
};

const output = (command, args) => execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 });

/**
 * Looks into an addon.
 *
 * @param {string} file
 * @returns {{libraries: string[], versions: Record<string, string>, problems: string[]}} versions: the newest of each
 *   family that it needs; problems: what keeps it from being portable
 */
function inspectSymbols(file) {
  const dynamic = output('readelf', ['--wide', '-d', file]);
  const libraries = [...dynamic.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map((match) => match[1]);
  const problems = libraries
    .filter((name) => !SYSTEM.test(name) && !LIBTORCH.test(name))
    .map((name) => `it needs ${name}, which is neither LibTorch's nor on every system`);
  const runpath = /\((?:RUNPATH|RPATH)\).*\[(.+)\]/.exec(dynamic)?.[1];
  if (runpath !== undefined) problems.push(`it has a path of this machine in it: ${runpath}`);

  const versions = {};
  // "... UND pthread_once@GLIBC_2.2.5 (4)"; what is defined in the file itself is nothing that it needs.
  const undefinedSymbols = output('readelf', ['--wide', '--dyn-syms', file]).matchAll(
    / UND (\S+?)@+(GLIBC|GLIBCXX|CXXABI|GCC)_([\d.]+)/g,
  );
  for (const [, symbol, family, version] of undefinedSymbols) {
    if (versions[family] === undefined || isNewer(version, versions[family])) versions[family] = version;
    if (isNewer(version, NEWEST[family]))
      problems.push(
        `it needs ${symbol}@${family}_${version}; at most ${family}_${NEWEST[family]} may be asked for`,
      );
  }
  return { libraries, versions, problems };
}

/**
 * Prints what addons need.
 *
 * @throws Error where one of them is not portable
 */
function checkSymbols(files) {
  const bad = [];
  for (const file of files) {
    const { libraries, versions, problems } = inspectSymbols(file);
    const newest = Object.entries(versions).map(([family, version]) => `${family} ${version}`);
    console.log(`${path.basename(file)}: ${newest.join(', ')}; ${libraries.join(', ')}`);
    bad.push(...problems.map((problem) => `${file}: ${problem}`));
  }
  if (bad.length > 0)
    throw new Error(
      `${bad.join('\n')}\nIn native/runtime/portable_symbols.cc calls of newer functions are taken to older ones.`,
    );
}

module.exports = { checkSymbols, inspectSymbols };

if (require.main === module) {
  try {
    checkSymbols(process.argv.slice(2));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
