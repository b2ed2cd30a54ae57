// The packages of npm/ have the version of kappaface, which asks for just that version of them.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { platformPackages } from '../pack';

interface Manifest {
  version: string;
}

function readManifest<M extends Manifest>(folder: string): M {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as M;
}

/** What is not of one version: a line for each package. */
export function versionProblems(root: string): string[] {
  const { version } = readManifest(root);
  return platformPackages(root).flatMap((folder) => {
    const own = readManifest(folder).version;
    if (own === version) return [];
    return [`${path.relative(root, folder)}/package.json has ${own}, package.json ${version}`];
  });
}

/** Gives every package, and the lock file, the version of kappaface. */
export function alignVersions(root: string): void {
  const { version } = readManifest(root);
  for (const folder of platformPackages(root))
    writeJson(path.join(folder, 'package.json'), { ...readManifest(folder), version });
  const file = path.join(root, 'package-lock.json');
  if (!existsSync(file)) return;
  const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, object> };
  const packages = { ...lock.packages, '': { ...lock.packages[''], version } };
  writeJson(file, { ...lock, version, packages });
}

function writeJson(file: string, content: object): void {
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
}
