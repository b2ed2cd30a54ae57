import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { readEnvironment } from '../lib/env';

/** What the Python peers need; nothing of the product does. */
const packages = ['torch==2.13.0', 'numpy', 'opencv-python-headless', 'scikit-learn', 'faiss-cpu'];

/** The Python of a virtual environment with the peers, made at the first call. */
export function peerPython(): string {
  const folder = path.join(readEnvironment().cache, 'bench-venv');
  const python = path.join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const mark = path.join(folder, 'kappaface-packages.txt');
  const wanted = `${packages.join('\n')}\n`;
  // One made for other packages is made anew.
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return python;
  console.error(`Installing the peers (${packages.join(', ')}) into ${folder} ...`);
  mkdirSync(path.dirname(folder), { recursive: true });
  execFileSync('python3', ['-m', 'venv', '--clear', folder], { stdio: 'inherit' });
  const arguments_ = ['-m', 'pip', 'install', '--quiet', '--retries', '0', ...packages];
  execFileSync(python, arguments_, { stdio: ['ignore', 'ignore', 'inherit'] });
  writeFileSync(mark, wanted);
  return python;
}
