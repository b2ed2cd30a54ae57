// A release, tried: the packages are published to a registry of one's own, and installed from it into empty projects by
// each package manager, with no compiler in reach, and used there; then by what a release ends with, smoke.sh.
// npm run release:dry [-- --only "npm 12"]...
import { spawnSync } from 'node:child_process';
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

const root = path.join(__dirname, '..', '..');
const tools = path.join(root, 'build', 'registry');

/** What is run after a release, against what was published. */
const SMOKE = 'smoke.sh';

/** Runs the test of what was published. @returns what went wrong, or undefined */
function smoke({ folder, registry }: Machine): string | undefined {
  const { status, stdout, stderr } = spawnSync('bash', [path.join(root, 'scripts', 'dev', SMOKE)], {
    env: { ...process.env, npm_config_registry: registry, npm_config_cache: path.join(folder, 'npm') },
    encoding: 'utf8',
  });
  const said = `${stdout}${stderr}`;
  if (status !== 0) return `it ended with ${status}:\n${said.slice(-4000)}`;
  return /^Done: \d+ steps/m.test(said) ? undefined : `it has not trained:\n${said.slice(-4000)}`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } });
  const modules = installTools(__dirname, tools);
  const managers = packageManagers(modules);
  const names = [...managers.map(({ name }) => name), SMOKE];
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
    for (const name of names.filter((each) => values.only?.includes(each) ?? true)) {
      const start = performance.now();
      const manager = managers.find((each) => each.name === name);
      const problem = manager === undefined ? smoke(machine) : new Project(machine, manager).try();
      const seconds = ((performance.now() - start) / 1000).toFixed(0);
      console.log(`${name}: ${problem === undefined ? 'passed' : 'failed'} (${seconds} s)`);
      if (problem !== undefined) failures.push(`${name}: ${problem}`);
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
