import fs from 'node:fs';
import path from 'node:path';
import { libtorchName } from './addon/fit';
import { checkPrecision } from './addon/measure-precision';
import { addonRemedies, planAddon } from './addon/plan';
import type { AddonChoice, AddonPlan } from './addon/plan';
import { failureOf } from './addon/try-addon';
import { isUpToDate, packageVersion } from './build/build-metadata';
import { cacheFolder } from './cache';
import { readEnv } from './env';
import type { LibtorchEnv } from './env';
import { findLibtorch } from './find';
import type { FoundLibtorch } from './find';
import { machineResources } from './build/machine';
import { PACKAGE_ROOT } from './package-root';
import { runChild } from './process';
import { findPython } from './python';
import { checkCmake, checkCompiler } from './build/tools';
import type { Check } from './build/tools';

const FETCH = 'npx kappa libtorch install';

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** The last line that says something. */
function lastLine(text: string): string {
  return text.trim().split('\n').pop()?.trim() ?? '';
}

/** Is this Node.js new enough? */
function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fits = major > 20 || (major === 20 && minor >= 19);
  const detail = `${process.versions.node} (Node-API ${process.versions['napi']})`;
  return fits
    ? { name: 'Node.js', status: 'ok', detail }
    : { name: 'Node.js', status: 'missing', detail, remedy: 'install Node.js 20.19 or newer' };
}

/** Does a native package of npm load? Tried in a process of its own: a broken binary may crash. */
async function checkPackage(name: string): Promise<Check> {
  const { code, stderr } = await runChild(process.execPath, ['-e', 'require(process.argv[1])', name], {
    cwd: PACKAGE_ROOT,
    timeoutMs: 60_000,
  });
  if (code === 0) return { name, status: 'ok', detail: 'loads' };
  const reason = /^\w*Error: .*$/m.exec(stderr)?.[0] ?? lastLine(stderr);
  return { name, status: 'missing', detail: `does not load: ${reason}`, remedy: 'npm install' };
}

/** Is there a Python with pip? Needed only to fetch LibTorch. */
function checkPython(env: LibtorchEnv): Check {
  const name = 'Python and pip';
  const remedy = `install python3 with pip; only needed to fetch LibTorch`;
  try {
    const { command, version, pip, torch } = findPython(env);
    const about = `${command} ${version}`;
    if (pip === undefined) return { name, status: 'warning', detail: `${about} without pip`, remedy };
    return { name, status: 'ok', detail: `${about}, pip ${pip}${torch ? `, torch in ${torch}` : ''}` };
  } catch (error) {
    return { name, status: 'warning', detail: (error as Error).message, remedy };
  }
}

/** Is there a usable LibTorch? */
function checkLibtorch(env: LibtorchEnv): { check: Check; found?: FoundLibtorch } {
  const name = 'LibTorch';
  try {
    const found = findLibtorch(env);
    const { version, variant, abi, root, source } = found;
    const detail = `${version}, ${variant}, C++ ABI ${abi}, in ${root} (found by ${source})`;
    return { check: { name, status: 'ok', detail }, found };
  } catch (error) {
    // The remedies of the message are one line below; here only what was tried.
    const [first = '', ...rest] = (error as Error).message.split('\n');
    const tried = rest.filter((line) => /^ +\d+\. /.test(line)).map((line) => line.trim());
    const explicit = env.libtorch !== undefined || env.usePython;
    const remedy = explicit ? `correct or unset LIBTORCH, LIBTORCH_USE_PYTORCH; or ${FETCH}` : FETCH;
    return { check: { name, status: 'missing', detail: [first, ...tried].join(' '), remedy } };
  }
}

/** Which addon is used, does it load, does it belong to this version and this LibTorch? */
function checkAddon(env: LibtorchEnv): { check: Check; choice?: AddonChoice } {
  const name = 'Native addon';
  let plan: AddonPlan;
  try {
    plan = planAddon(env);
  } catch {
    // The check of LibTorch, one line above, says why.
    const detail = 'not looked for: the LibTorch that is asked for cannot be used';
    return { check: { name, status: 'missing', detail, remedy: 'see LibTorch' } };
  }
  for (const choice of plan.choices) {
    const failure = failureOf(choice);
    if (failure === undefined) return { check: { name, ...stateOf(choice) }, choice };
    plan.attempts.push({ source: choice.name, reason: `does not load: ${failure}` });
  }
  const detail = plan.attempts.map(({ source, reason }) => `${source}: ${reason}`).join('; ');
  const [[command, effect] = ['', '']] = addonRemedies(plan, env);
  return { check: { name, status: 'missing', detail, remedy: `${command} (${effect})` } };
}

/** How an addon that loads stands to its sources. */
function stateOf({ name, kind, addon, metadata, libtorch, doubt }: AddonChoice): Omit<Check, 'name'> {
  const rebuild = 'npx kappa build';
  if (metadata === undefined)
    return { status: 'warning', detail: `${name} loads; nothing is known of its build`, remedy: rebuild };
  const { addonVersion, config } = metadata;
  const how = kind === 'prebuilt' ? 'prebuilt' : `built here (${config})`;
  const detail = `${name}, ${how}, loads; ${addonVersion}, for LibTorch ${libtorchName(metadata.libtorch)}`;
  if (addonVersion !== packageVersion())
    return { status: 'missing', detail: `${detail}; but this is ${packageVersion()}`, remedy: rebuild };
  if (doubt !== undefined)
    return {
      status: 'warning',
      detail: `${detail}; it ${doubt}: tried in another process at each start`,
      remedy: rebuild,
    };
  if (kind === 'built here' && !isUpToDate(addon, libtorch, config))
    return {
      status: 'warning',
      detail: `${detail}; older than its sources, or built against another LibTorch than the one found`,
      remedy: rebuild,
    };
  return { status: 'ok', detail };
}

/** Processors, instruction sets, memory, and what a control group leaves of them. */
function checkMachine(): Check[] {
  const { cpus, cpuQuota, memory, freeMemory, memoryLimited, features, model } = machineResources();
  const quota = cpuQuota === undefined ? '' : `, limited to ${cpuQuota} by the control group`;
  const detail = `${model}, ${cpus} threads${quota}; ${features.join(' ') || 'instruction sets unknown'}`;
  const slow = process.arch === 'x64' && process.platform === 'linux' && !features.includes('avx2');
  const processor: Check = slow
    ? { name: 'Processor', status: 'warning', detail, remedy: 'without AVX2 training is many times slower' }
    : { name: 'Processor', status: 'ok', detail };
  const amount = `${gigabytes(memory)}${memoryLimited ? ' (control group)' : ''}, ${gigabytes(freeMemory)} free`;
  const small = freeMemory < 2e9;
  return [
    processor,
    small
      ? { name: 'Memory', status: 'warning', detail: amount, remedy: 'at least 2 GB should be free' }
      : { name: 'Memory', status: 'ok', detail: amount },
  ];
}

/** Room for LibTorch in the cache. */
function checkDisk(env: LibtorchEnv, needed: boolean): Check {
  const name = 'Cache folder';
  let folder = cacheFolder(env);
  const wanted = env.cache;
  while (!fs.existsSync(folder)) folder = path.dirname(folder);
  const { bavail, bsize } = fs.statfsSync(folder);
  const detail = `${wanted}, ${gigabytes(bavail * bsize)} free`;
  let writable = true;
  try {
    fs.accessSync(folder, fs.constants.W_OK);
  } catch {
    writable = false;
  }
  const status = needed ? 'missing' : 'warning';
  const remedy = 'set KAPPA_CACHE to a folder that you may write, with 1 GB free';
  if (!writable) return { name, status, detail: `${detail}, but ${folder} is not writable`, remedy };
  if (bavail * bsize < 1e9) return { name, status, detail, remedy };
  return { name, status: 'ok', detail };
}

/** Is there an NVIDIA driver, and can the found LibTorch use it? */
async function checkCuda(found: FoundLibtorch | undefined): Promise<Check> {
  const name = 'CUDA';
  const query = ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader'];
  const { code, stdout } = await runChild('nvidia-smi', query, { timeoutMs: 30_000 });
  const devices = code === 0 ? stdout.trim().split('\n').filter(Boolean) : [];
  if (devices.length === 0) return { name, status: 'ok', detail: 'no NVIDIA device; the CPU is used' };
  const detail = devices.join('; ');
  if (found?.variant === 'cpu')
    return {
      name,
      status: 'warning',
      detail: `${detail}; but LibTorch is the cpu variant`,
      remedy:
        'npx kappa libtorch install --variant cu130, and KAPPA_LIBTORCH_VARIANT=cu130 from then on (or LIBTORCH, LIBTORCH_USE_PYTORCH=1)',
    };
  return { name, status: 'ok', detail };
}

/** Looks at everything that kappaface needs on this machine. */
export async function diagnose(): Promise<Check[]> {
  const env = readEnv();
  const { check: libtorch, found } = checkLibtorch(env);
  const { check: addon, choice } = checkAddon(env);
  const addonWorks = addon.status !== 'missing';
  return [
    checkNode(),
    await checkPackage('sharp'),
    await checkPackage('@julusian/jpeg-turbo'),
    checkPython(env),
    neededToBuild(await checkCmake(), addonWorks),
    neededToBuild(await checkCompiler(env.cxx), addonWorks),
    libtorch,
    addon,
    ...checkMachine(),
    ...(choice !== undefined && addonWorks ? [await checkPrecision(choice)] : []),
    checkDisk(env, found === undefined),
    await checkCuda(found),
  ];
}

/** Tools that are needed to build only hurt where there is something to build. */
function neededToBuild(check: Check, addonWorks: boolean): Check {
  return check.status === 'missing' && addonWorks ? { ...check, status: 'warning' } : check;
}
