import fs from 'node:fs';
import path from 'node:path';
import { KappaError } from '../../errors';
import type { ProgressListener } from '../progress';
import { runPip } from './pip';

/** Wheels that run with glibc 2.28; pip does not take the older ones for granted. */
function platformTags(): string[] {
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const newer = Array.from({ length: 24 }, (_, i) => `manylinux_2_${28 - i}_${machine}`);
  return [...newer, `manylinux2014_${machine}`];
}

/** Options of a call of pip. */
interface PipOptions {
  signal?: AbortSignal;
  onProgress?: ProgressListener;
}

/**
 * Installs wheels for LibTorch, not for a Python, into a folder.
 *
 * @param python command of a Python that has pip
 * @throws KappaError `ERR_LIBTORCH_NOT_FOUND` with pip's reason; `ERR_CANCELLED`
 */
export async function installWheels(
  python: string,
  requirements: readonly string[],
  folder: string,
  { withDependencies, ...options }: PipOptions & { withDependencies: boolean },
): Promise<void> {
  const abis = ['cp311', 'abi3', 'none'].flatMap((abi) => ['--abi', abi]);
  const args = [
    ...['-m', 'pip', 'install', '--target', folder, '--upgrade', '--only-binary=:all:'],
    ...['--python-version', '3.11', '--implementation', 'cp', ...abis],
    ...platformTags().flatMap((tag) => ['--platform', tag]),
    ...['--retries', '0', '--no-cache-dir', '--no-input', '--no-compile', '--disable-pip-version-check'],
    ...(withDependencies ? [] : ['--no-deps']),
    ...requirements,
  ];
  await runPip(python, args, folder, options);
}

/** The packages of NVIDIA that an unpacked torch wheel names, with their versions. */
export function nvidiaPackages(folder: string): string[] {
  const info = fs.readdirSync(folder).find((name) => /^torch-.*\.dist-info$/.test(name));
  if (info === undefined)
    throw new KappaError('ERR_LIBTORCH_NOT_FOUND', `${folder} holds no torch: the wheel was not unpacked`);
  const metadata = fs.readFileSync(path.join(folder, info, 'METADATA'), 'utf8');
  const named = metadata.matchAll(/^Requires-Dist: ((?:cuda-toolkit|nvidia-)[^;\s]*)/gm);
  return [...named].map((match) => match[1] ?? '');
}

/**
 * Fetches LibTorch with CUDA: the torch wheel and the wheels of NVIDIA that it names, side by side (`torch`, `nvidia`), as
 * their libraries look for each other.
 *
 * @param folder is filled
 * @throws KappaError `ERR_LIBTORCH_NOT_FOUND`, `ERR_CANCELLED`
 */
export async function fetchCudaWheels(
  python: string,
  version: string,
  folder: string,
  options: PipOptions,
): Promise<void> {
  fs.mkdirSync(folder, { recursive: true });
  await installWheels(python, [`torch==${version}`], folder, { ...options, withDependencies: false });
  const packages = nvidiaPackages(folder);
  if (packages.length === 0)
    throw new KappaError('ERR_LIBTORCH_NOT_FOUND', `torch ${version} of this index has no CUDA in it`);
  await installWheels(python, packages, folder, { ...options, withDependencies: true });
}
