// The packages of npm/, one for each platform and variant of LibTorch. They have the version of kappaface, which names
// them with just that version.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

interface Manifest {
  name: string;
  version: string;
  optionalDependencies?: Record<string, string>;
}

function readManifest(file: string): Manifest {
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
}

/** Folders of the packages, in order. */
export function platformPackages(root: string): string[] {
  const folder = path.join(root, 'npm');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(path.join(folder, name, 'package.json')))
    .sort()
    .map((name) => path.join(folder, name));
}

/** What is not of one version: a line for each place. */
export function versionProblems(root: string): string[] {
  const { version, optionalDependencies = {} } = readManifest(path.join(root, 'package.json'));
  const problems = platformPackages(root).flatMap((folder) => {
    const manifest = readManifest(path.join(folder, 'package.json'));
    const asked = optionalDependencies[manifest.name];
    const place = path.relative(root, path.join(folder, 'package.json'));
    return [
      ...(manifest.version === version ? [] : [`${place} has ${manifest.version}, package.json ${version}`]),
      ...(asked === version
        ? []
        : [`package.json asks for ${manifest.name} ${asked ?? 'not at all'}, expected ${version}`]),
    ];
  });
  const names = platformPackages(root).map((folder) => readManifest(path.join(folder, 'package.json')).name);
  const unknown = Object.keys(optionalDependencies).filter(
    (name) => name.startsWith('@kappaface/') && !names.includes(name),
  );
  return [...problems, ...unknown.map((name) => `package.json asks for ${name}, which npm/ has not`)];
}

/** Gives every package the version of kappaface, and kappaface the names of all with it; the lock file follows. */
export function alignVersions(root: string): void {
  const file = path.join(root, 'package.json');
  const manifest = readManifest(file);
  for (const folder of platformPackages(root)) {
    const place = path.join(folder, 'package.json');
    const own = { ...readManifest(place), version: manifest.version };
    writeJson(place, own);
    manifest.optionalDependencies = { ...manifest.optionalDependencies, [own.name]: manifest.version };
  }
  writeJson(file, manifest);
  alignLock(path.join(root, 'package-lock.json'), manifest);
}

/** What the lock file repeats of package.json. */
function alignLock(file: string, { version, optionalDependencies }: Manifest): void {
  if (!existsSync(file)) return;
  const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, object> };
  const own = { ...lock.packages[''], version, ...(optionalDependencies && { optionalDependencies }) };
  writeJson(file, { ...lock, version, packages: { ...lock.packages, '': own } });
}

function writeJson(file: string, content: object): void {
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
}
