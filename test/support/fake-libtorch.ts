import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { libraryName } from '../../lib/libtorch/inspect';
import { writeFiles } from './folder';
import { makeZip } from './zip-writer';
import type { ZipMember } from './zip-writer';

/** What a fake LibTorch pretends to be. */
export interface FakeOptions {
  version?: string;
  cuda?: boolean;
  /** Text of the flag in TorchConfig.cmake; default none, as in the real one. */
  abiFlag?: '0' | '1';
  /** Symbols in the base library; default those of the new ABI. */
  symbols?: string;
  /** ELF machine number; default that of this processor. */
  machine?: number;
}

const MACHINES: Record<string, number> = { x64: 62, arm64: 183 };

function fakeLibrary(machine: number, symbols: string): Buffer {
  const header = Buffer.alloc(64);
  header.write('\x7fELF', 'latin1');
  header.writeUInt16LE(machine, 18);
  return Buffer.concat([header, Buffer.from(symbols)]);
}

/** Files of a LibTorch as small as can be, by path below its root. */
export function fakeFiles(options: FakeOptions = {}): Record<string, Buffer> {
  const { version = '2.13.0', cuda = false, abiFlag, symbols = '_ZNSt7__cxx1112basic_stringE' } = options;
  const [major, minor, patch] = version.split('.');
  const machine = options.machine ?? MACHINES[process.arch] ?? 0;
  const flag = abiFlag === undefined ? '' : `set(TORCH_CXX_FLAGS "-D_GLIBCXX_USE_CXX11_ABI=${abiFlag}")\n`;
  const names = ['c10', 'torch', 'torch_cpu', ...(cuda ? ['torch_cuda', 'c10_cuda'] : [])];
  return {
    'share/cmake/Torch/TorchConfig.cmake': Buffer.from(`# a fake\n${flag}`),
    'include/torch/headeronly/version.h': Buffer.from(
      `#define TORCH_VERSION_MAJOR ${major}\n#define TORCH_VERSION_MINOR ${minor}\n#define TORCH_VERSION_PATCH ${patch}\n`,
    ),
    'include/torch/torch.h': Buffer.from('#pragma once\n'),
    ...Object.fromEntries(names.map((name) => [`lib/${libraryName(name)}`, fakeLibrary(machine, symbols)])),
  };
}

/** Writes a fake LibTorch to a folder. */
export function writeTree(root: string, options: FakeOptions = {}): string {
  return writeFiles(root, fakeFiles(options));
}

/** Options of {@link writeWheel}. */
export interface WheelOptions extends FakeOptions {
  /** Further members; those under torch/ are entered into RECORD. */
  extra?: ZipMember[];
  /** Changes the text of RECORD. */
  record?: (text: string) => string;
}

/** Writes a torch wheel with Python files beside the C++ ones, and the RECORD that a wheel has. */
export function writeWheel(file: string, options: WheelOptions = {}): string {
  const { extra = [], record = (text) => text } = options;
  const info = 'torch-2.13.0+cpu.dist-info';
  const members: ZipMember[] = [
    ...Object.entries(fakeFiles(options)).map(([name, content]) => ({ name: `torch/${name}`, content })),
    { name: 'torch/__init__.py', content: 'print("Python")\n' },
    { name: `torch/lib/${libraryName('torch_python')}`, content: 'needs Python' },
    // Larger than what is written in one go, and hard to compress.
    { name: 'torch/lib/large.bin', content: randomBytes((1 << 20) + 7) },
    { name: `${info}/licenses/LICENSE`, content: 'BSD' },
    ...extra,
  ];
  const lines = members.map(({ name, content }) => {
    const hash = createHash('sha256').update(content).digest('base64url');
    return `${name},sha256=${hash},${Buffer.byteLength(content)}\n`;
  });
  members.push({ name: `${info}/RECORD`, content: record(`${lines.join('')}${info}/RECORD,,\n`) });
  fs.writeFileSync(file, makeZip(members));
  return file;
}

/** Options of {@link writePython}. */
export interface FakePythonOptions {
  /** Wheel that `pip download` delivers; without it pip fails. */
  wheel?: string;
  /** Requirement that pip knows; any other fails. Default any. */
  requirement?: string;
  /** Folder that the installed torch is said to be in. */
  torch?: string;
  pip?: boolean;
  /** Milliseconds that pip takes. */
  delay?: number;
  /** File that gets a line for every call of pip. */
  log?: string;
}

/** Writes a program that answers like a Python with pip. */
export function writePython(file: string, options: FakePythonOptions = {}): string {
  const program = `#!${process.execPath}
const fs = require('node:fs'), path = require('node:path');
const options = ${JSON.stringify(options)};
const args = process.argv.slice(2);
if (args[0] === '-c') {
  const pip = options.pip === false ? null : '23.2';
  console.log(JSON.stringify({ version: '3.12.1', pip, torch: options.torch ?? null }));
} else {
  const wanted = args[args.length - 1];
  if (options.log) fs.appendFileSync(options.log, args.join(' ') + '\\n');
  if (!options.wheel || (options.requirement && options.requirement !== wanted)) {
    console.error('ERROR: No matching distribution found for ' + wanted);
    process.exit(1);
  }
  const folder = args[args.indexOf('--dest') + 1];
  fs.writeFileSync(path.join(process.env.TMPDIR, 'half.whl'), 'half');
  setTimeout(() => {
    fs.copyFileSync(options.wheel, path.join(folder, path.basename(options.wheel)));
  }, options.delay ?? 0);
}
`;
  fs.writeFileSync(file, program, { mode: 0o755 });
  return file;
}

/** SHA-256 of a file in hex. */
export function sha256(file: string): string {
  return createHash('sha256').update(fs.readFileSync(file)).digest('hex');
}
