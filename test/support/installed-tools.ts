import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Installs programs that only some checks need, where that was not done before: to the letter where the folder has a
 * package-lock.json, else what its package.json asks for.
 *
 * @param source the folder of these files
 * @param target below build/
 * @returns `node_modules` there
 */
export function installTools(source: string, target: string): string {
  const modules = path.join(target, 'node_modules');
  const files = ['package.json', 'package-lock.json'].filter((name) => existsSync(path.join(source, name)));
  const wanted = files.map((name) => readFileSync(path.join(source, name), 'utf8')).join('');
  const stamp = path.join(modules, '.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return modules;
  mkdirSync(target, { recursive: true });
  for (const name of files) copyFileSync(path.join(source, name), path.join(target, name));
  const command = files.includes('package-lock.json') ? ['ci'] : ['install', '--no-package-lock'];
  const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', [...command, ...quietly], { cwd: target, stdio: 'inherit' });
  writeFileSync(stamp, wanted);
  return modules;
}
