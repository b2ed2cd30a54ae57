// Publishes the packages of the platforms, then kappaface, which names them; what is there already is left alone, so
// that a release which stopped half way goes on. npm run release:publish [-- --provenance]
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { packAll, packagesWithoutAddon } from '../pack';
import { versionProblems } from './platform-packages';

const root = path.join(__dirname, '..', '..', '..');

/** How to publish. */
export interface PublishOptions {
  /** Address, with a slash at its end; npm's own setting where it is absent. */
  registry?: string;
  /** A token for that registry, where npm's settings have none. */
  token?: string;
  /** Signs where and from what the package was built; only in the CI of a public repository. */
  provenance?: boolean;
}

/** Name and version that a tarball has. */
function contentOf(tarball: string): string {
  const text = execFileSync('tar', ['-xzOf', tarball, 'package/package.json'], { encoding: 'utf8' });
  const { name, version } = JSON.parse(text) as { name: string; version: string };
  return `${name}@${version}`;
}

/**
 * Publishes tarballs in the given order, those left out that the registry has.
 *
 * @throws with what npm said, where it refuses
 */
export function publish(tarballs: readonly string[], options: PublishOptions = {}): void {
  const { registry, token, provenance = false } = options;
  const flags = ['--loglevel=error', ...(registry ? [`--registry=${registry}`] : [])];
  if (registry && token) flags.push(`--${registry.replace(/^https?:/, '')}:_authToken=${token}`);
  for (const tarball of tarballs) {
    const content = contentOf(tarball);
    const { status } = spawnSync('npm', ['view', content, 'version', ...flags], { encoding: 'utf8' });
    const isThere = status === 0;
    console.log(`${content}: ${isThere ? 'is published already' : 'publishing'}`);
    if (isThere) continue;
    const args = ['publish', path.resolve(tarball), '--access=public', '--ignore-scripts', ...flags];
    const done = spawnSync('npm', provenance ? [...args, '--provenance'] : args, { encoding: 'utf8' });
    if (done.status !== 0)
      throw new Error(`${content} could not be published:\n${done.stdout}${done.stderr}`);
  }
}

function main(): void {
  const { values } = parseArgs({ options: { provenance: { type: 'boolean', default: false } } });
  const problems = [
    ...versionProblems(root),
    ...packagesWithoutAddon().map((name) => `${name} has no addon: npm run prebuilds makes it.`),
  ];
  if (problems.length > 0) throw new Error(problems.join('\n'));
  const folder = path.join(root, 'build', 'release');
  rmSync(folder, { recursive: true, force: true });
  publish(packAll(folder), values);
}

if (require.main === module)
  try {
    main();
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
