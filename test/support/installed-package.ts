import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { stagePackage } from '../../scripts/dev/pack';

const modulesHere = path.join(__dirname, '..', '..', 'node_modules');

/**
 * Makes a folder a project that has installed the package as it would be published now, with its dependencies and
 * nothing of what only its development needs.
 *
 * @param project an empty folder
 * @returns the package's folder in it
 */
export function installPackage(project: string): string {
  const modules = path.join(project, 'node_modules');
  const target = path.join(modules, 'kappaface');
  stagePackage(target);
  const { bundleDependencies, dependencies } = JSON.parse(
    readFileSync(path.join(target, 'package.json'), 'utf8'),
  ) as { bundleDependencies: string[]; dependencies: Record<string, string> };
  const others = Object.keys(dependencies).filter((name) => !bundleDependencies.includes(name));
  // The types speak of Buffer and of streams, as whoever programs for Node has them.
  for (const name of [...others, '@types/node']) {
    const link = path.join(modules, name);
    mkdirSync(path.dirname(link), { recursive: true });
    symlinkSync(path.join(modulesHere, name), link, 'junction');
  }
  return target;
}
