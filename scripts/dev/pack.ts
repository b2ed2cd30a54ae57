// Packs the package as it is published: build/package/kappaface (what npm publish is given) and build/package/kappaface.tgz.
// npm run package:check looks into it.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { JPEG_PACKAGE, bundleJpeg } from './bundle-jpeg';

const root = path.join(__dirname, '..', '..');

interface Manifest {
  name: string;
  version: string;
  scripts?: unknown;
  devDependencies?: unknown;
  optionalDependencies?: Record<string, string>;
  bundleDependencies?: string[];
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** Folders of the packages with prebuilt addons: those below `npm/`. */
export function platformPackages(repository = root): string[] {
  const folder = path.join(repository, 'npm');
  return readdirSync(folder)
    .sort()
    .map((name) => path.join(folder, name));
}

/** Files that npm would put into a package, relative to its folder. */
function filesOf(folder: string): string[] {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const text = execFileSync('npm', args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const packages = JSON.parse(text) as { files: { path: string }[] }[];
  // A list, or since npm 12 an object by the names of the packages.
  return Object.values(packages).flatMap(({ files }) => files.map((file) => file.path));
}

/**
 * Makes a folder the package as it is published. Its manifest names the packages with the prebuilt addons, of its own
 * version, as optional dependencies: a clone, which builds its addon, has no use for them, and until they are published
 * nobody could install it. What only a clone runs or needs is left out.
 *
 * @param folder is made, and must not be there yet
 */
export function stagePackage(folder: string): void {
  for (const file of filesOf(root)) cpSync(path.join(root, file), path.join(folder, file));
  const manifest = readManifest(root);
  delete manifest.scripts;
  delete manifest.devDependencies;
  manifest.optionalDependencies = Object.fromEntries(
    platformPackages().map((platform) => [readManifest(platform).name, manifest.version]),
  );
  manifest.bundleDependencies = [JPEG_PACKAGE];
  writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  bundleJpeg(folder);
}

/**
 * Packs a package.
 *
 * @param from its folder
 * @param tarball the file to write
 */
export function packFolder(from: string, tarball: string): void {
  const folder = `${tarball}.partial`;
  mkdirSync(folder, { recursive: true });
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], { cwd: from });
  for (const name of readdirSync(folder)) renameSync(path.join(folder, name), tarball);
  rmSync(folder, { recursive: true });
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
  const tarballs = platformPackages().map((platform) => {
    const tarball = path.join(folder, `kappaface-${path.basename(platform)}.tgz`);
    packFolder(platform, tarball);
    return tarball;
  });
  const staged = path.join(folder, 'kappaface');
  stagePackage(staged);
  packFolder(staged, `${staged}.tgz`);
  return [...tarballs, `${staged}.tgz`];
}

/** Names of the packages that have no addon yet, and must not be published so: `npm run prebuilds` makes them complete. */
export function packagesWithoutAddon(): string[] {
  return platformPackages()
    .filter((platform) => !existsSync(path.join(platform, 'kappaface.node')))
    .map((platform) => readManifest(platform).name);
}

function main(): void {
  const folder = path.join(root, 'build', 'package');
  rmSync(folder, { recursive: true, force: true });
  stagePackage(path.join(folder, 'kappaface'));
  packFolder(path.join(folder, 'kappaface'), path.join(folder, 'kappaface.tgz'));
}

if (require.main === module) main();
