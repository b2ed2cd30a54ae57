import fs from 'node:fs';
import path from 'node:path';
import { KappaError } from '../errors';
import { isSupportedVersion, SUPPORTED_TEXT } from './versions';
import type { LibtorchVariant } from './versions';

/**
 * The C++ library's ABI that a LibTorch was built with. On Linux only `cxx11` (`_GLIBCXX_USE_CXX11_ABI=1`) can be
 * linked with what today's compilers produce.
 */
export type CxxAbi = 'cxx11' | 'pre-cxx11' | 'libc++' | 'msvc';

/** What is known about a LibTorch on disk. */
export interface LibtorchTree {
  /** Folder that holds `lib`, `include` and `share/cmake`. */
  root: string;
  /** Such as `2.13.0`. */
  version: string;
  variant: LibtorchVariant;
  abi: CxxAbi;
  /** Major version of the CUDA that it needs, of the variant `cuda`; absent where it does not tell. */
  cuda?: number;
}

/** What a LibTorch must fulfil beyond being usable; absent fields accept anything. */
export interface LibtorchWish {
  /** One that is named need not be a supported one. */
  version?: string;
  variant?: LibtorchVariant;
}

const CONFIG = path.join('share', 'cmake', 'Torch', 'TorchConfig.cmake');

/** ELF machine numbers by Node's name of the architecture. */
const ELF_MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183, ia32: 3, arm: 40 };

function missing(message: string): KappaError {
  return new KappaError('ERR_LIBTORCH_NOT_FOUND', message);
}

/** File name of one of LibTorch's shared libraries on this platform: `libc10.so`, `libc10.dylib`, `c10.dll`. */
export function libraryName(name: string, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'win32') return `${name}.dll`;
  return platform === 'darwin' ? `lib${name}.dylib` : `lib${name}.so`;
}

/** Accepts the root itself or the folder that a zip or wheel was unpacked into (`libtorch`, `torch`). */
function findRoot(folder: string): string {
  for (const inner of ['', 'libtorch', 'torch']) {
    const root = path.join(folder, inner);
    if (fs.existsSync(path.join(root, CONFIG))) return root;
  }
  throw missing(
    fs.existsSync(folder) ? `${folder} is not a LibTorch: it has no ${CONFIG}` : `${folder} does not exist`,
  );
}

function readVersion(root: string): string {
  const headers = [
    path.join('include', 'torch', 'headeronly', 'version.h'),
    path.join('include', 'torch', 'csrc', 'api', 'include', 'torch', 'version.h'),
  ];
  for (const header of headers) {
    const text = readIfThere(path.join(root, header));
    const parts = ['MAJOR', 'MINOR', 'PATCH'].map(
      (part) => new RegExp(`#define TORCH_VERSION_${part}\\s+(\\d+)`).exec(text)?.[1],
    );
    if (parts.every((part) => part !== undefined)) return parts.join('.');
  }
  const plain = /^\d+\.\d+\.\d+/.exec(readIfThere(path.join(root, 'build-version')))?.[0];
  if (plain !== undefined) return plain;
  throw missing(`${root} does not tell its version: neither ${headers[0]} nor build-version holds one`);
}

function readIfThere(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Reads the ABI from LibTorch's CMake file, or, where that is silent, from the names its base library exports. */
function readAbi(root: string, base: Buffer, platform: NodeJS.Platform): CxxAbi {
  if (platform === 'darwin') return 'libc++';
  if (platform === 'win32') return 'msvc';
  const flag = /_GLIBCXX_USE_CXX11_ABI=([01])/.exec(readIfThere(path.join(root, CONFIG)))?.[1];
  if (flag !== undefined) return flag === '1' ? 'cxx11' : 'pre-cxx11';
  return base.includes('__cxx11') ? 'cxx11' : 'pre-cxx11';
}

/** The CUDA runtime that a LibTorch asks for, by the name of its library: `libcudart.so.13`. */
function readCuda(file: string): number | undefined {
  const found = /libcudart[-\w]*\.so\.(\d+)/.exec(fs.readFileSync(file, 'latin1'))?.[1];
  return found === undefined ? undefined : Number(found);
}

function checkMachine(file: string, base: Buffer): void {
  if (base.length < 20 || base.readUInt32BE(0) !== 0x7f454c46)
    throw missing(`${file} is not a shared library: it is damaged or truncated`);
  const machine = base.readUInt16LE(18);
  const wanted = ELF_MACHINES[process.arch];
  if (wanted !== undefined && machine !== wanted)
    throw missing(
      `${file} is built for another processor (ELF machine ${machine}); this Node.js runs on ${process.arch}`,
    );
}

/**
 * Looks at a LibTorch on disk and checks that the addon can be built against it.
 *
 * @param folder its root, or the folder that holds it as `libtorch` or `torch`
 * @param wish version and variant it must have; default any supported one
 * @throws KappaError `ERR_LIBTORCH_NOT_FOUND` where it is absent, incomplete or of another processor;
 *   `ERR_VERSION` where version, variant or C++ ABI do not fit
 */
export function inspectLibtorch(folder: string, wish: LibtorchWish = {}): LibtorchTree {
  const platform = process.platform;
  const root = findRoot(path.resolve(folder));
  const file = (name: string): string => path.join(root, 'lib', libraryName(name, platform));
  for (const name of ['c10', 'torch', 'torch_cpu'])
    if (!fs.existsSync(file(name))) throw missing(`${root} is incomplete: ${file(name)} is missing`);
  const base = fs.readFileSync(file('c10'));
  if (platform === 'linux') checkMachine(file('c10'), base);

  const tree: LibtorchTree = {
    root,
    version: readVersion(root),
    variant: fs.existsSync(file('torch_cuda')) ? 'cuda' : 'cpu',
    abi: readAbi(root, base, platform),
  };
  if (tree.variant === 'cuda' && fs.existsSync(file('c10_cuda'))) tree.cuda = readCuda(file('c10_cuda'));
  if (wish.version === undefined && !isSupportedVersion(tree.version))
    throw new KappaError(
      'ERR_VERSION',
      `${root} is LibTorch ${tree.version}; supported are ${SUPPORTED_TEXT} (KAPPA_LIBTORCH_VERSION=${tree.version} has it tried all the same)`,
    );
  if (wish.version !== undefined && tree.version !== wish.version)
    throw new KappaError('ERR_VERSION', `${root} is LibTorch ${tree.version}; wanted is ${wish.version}`);
  if (wish.variant !== undefined && tree.variant !== wish.variant)
    throw new KappaError(
      'ERR_VERSION',
      `${root} is the ${tree.variant} variant of LibTorch; wanted is ${wish.variant}`,
    );
  if (tree.abi === 'pre-cxx11')
    throw new KappaError(
      'ERR_VERSION',
      `${root} is built with the old C++ ABI (_GLIBCXX_USE_CXX11_ABI=0); the addon needs the new one`,
    );
  return tree;
}
