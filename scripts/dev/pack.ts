// Packs the package as npm would publish it: build/package/kappaface.tgz. npm run package:check looks into it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

const root = path.join(__dirname, '..', '..');

/**
 * Packs what is compiled.
 *
 * @param folder an empty folder
 * @returns the tarball in it
 */
export function packPackage(folder: string): string {
  // Without the scripts: `prepare` sets up the whole clone.
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], { cwd: root });
  const tarball = path.join(folder, 'kappaface.tgz');
  for (const name of readdirSync(folder)) renameSync(path.join(folder, name), tarball);
  return tarball;
}

/**
 * Packs everything that a release publishes, in the order in which it is published: the packages of the platforms come
 * first, as the package names them.
 *
 * @param folder is made
 * @returns the tarballs
 */
export function packAll(folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  return [packPackage(folder)];
}

function main(): void {
  const folder = path.join(root, 'build', 'package');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  packPackage(folder);
}

if (require.main === module) main();
