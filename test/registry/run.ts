// A release, tried: the packages are published to a registry of one's own, and installed from it into empty projects by
// each package manager, with no compiler in reach, and used there. npm run release:dry [-- --only 'npm 12']...
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { fetchNode } from '../../scripts/dev/fetch-node';
import { OTHER_NODES } from '../../scripts/dev/nodes';
import { packAll, packagesWithoutAddon } from '../../scripts/dev/pack';
import { publish } from '../../scripts/dev/release/publish';
import { installTools } from '../support/installed-tools';
import { packageManagers } from './managers';
import { Project, type Machine } from './project';
import { startRegistry } from './registry';

const tools = path.join(__dirname, '..', '..', 'build', 'registry');

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } });
  const modules = installTools(__dirname, tools);
  const managers = packageManagers(modules);
  const names = managers.map(({ name }) => name);
  const unknown = values.only?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: expected one of ${names.join(', ')}.`);

  const newest = fetchNode(Math.max(...OTHER_NODES)).program;
  // With a space, which careless scripts stumble over.
  const folder = mkdtempSync(path.join(os.tmpdir(), 'kappa registry '));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => process.exit(code));

  const registry = await startRegistry({
    program: path.join(modules, 'verdaccio', 'bin', 'verdaccio'),
    node: newest,
    folder: path.join(folder, 'registry'),
  });
  const failures: string[] = [];
  try {
    for (const name of packagesWithoutAddon())
      console.log(`${name} was not built here: it is published without its addon.`);
    // The registry takes any token, and npm publishes nothing without one.
    publish(packAll(path.join(folder, 'packages')), { registry: registry.url, token: 'any' });
    const machine: Machine = { folder, registry: registry.url, newestNode: newest };
    for (const manager of managers.filter(({ name }) => values.only?.includes(name) ?? true)) {
      const start = performance.now();
      const problem = await new Project(machine, manager).try();
      const seconds = ((performance.now() - start) / 1000).toFixed(0);
      console.log(`${manager.name}: ${problem === undefined ? 'passed' : 'failed'} (${seconds} s)`);
      if (problem !== undefined) failures.push(`${manager.name}: ${problem}`);
    }
  } finally {
    await registry.close();
  }
  if (failures.length > 0) throw new Error(failures.join('\n\n'));
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
