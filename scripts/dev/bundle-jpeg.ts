// @julusian/jpeg-turbo travels inside the package. It lists an install script, which only looks whether its binary is
// there; on account of it npm 12 warns, and pnpm ends in an error, whoever installs what depends on it.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const modules = path.join(__dirname, '..', '..', 'node_modules');

/** The name of the package. */
export const JPEG_PACKAGE = '@julusian/jpeg-turbo';

/** What finds its binary. */
const FINDER = 'pkg-prebuilds';

/** Those for which there is a LibTorch. */
const platforms = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64'];

interface Manifest {
  scripts?: unknown;
  devDependencies?: unknown;
  bin?: unknown;
  dependencies?: Record<string, string>;
}

/** Copies files of a package, and its manifest without what it runs and needs to be built. */
function copyPackage(name: string, target: string, files: readonly string[], dependencies: string[]): void {
  const source = path.join(modules, name);
  for (const file of files) cpSync(path.join(source, file), path.join(target, file), { recursive: true });
  const manifest = JSON.parse(readFileSync(path.join(source, 'package.json'), 'utf8')) as Manifest;
  delete manifest.scripts;
  delete manifest.devDependencies;
  delete manifest.bin;
  const kept = Object.entries(manifest.dependencies ?? {}).filter(([other]) => dependencies.includes(other));
  manifest.dependencies = Object.fromEntries(kept);
  writeFileSync(path.join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/**
 * Puts the package, what it loads and its licences below `node_modules` of a package that is packed.
 *
 * @param folder of the package; its manifest must name {@link JPEG_PACKAGE} among its `bundleDependencies`
 */
export function bundleJpeg(folder: string): void {
  const target = path.join(folder, 'node_modules', JPEG_PACKAGE);
  const binaries = platforms.map((platform) => path.join('prebuilds', `jpeg-turbo-${platform}`));
  const files = ['LICENSE', 'README.md', 'index.js', 'module.d.ts', 'binding-options.js'];
  copyPackage(JPEG_PACKAGE, target, [...files, ...binaries], [FINDER]);
  const finder = path.join(target, 'node_modules', FINDER);
  copyPackage(FINDER, finder, ['LICENSE', 'bindings.js', 'bindings.d.ts', 'lib'], []);
}
