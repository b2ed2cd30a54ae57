// The built package under jest and vitest: `npm run runners`. build/runners has them, installed once for each
// package-lock.json, and a project with the package as it would be published; the right values are those of plain Node.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';

import { installPackage } from '../support/installed-package';
import { installTools } from '../support/installed-tools';

const root = path.join(__dirname, '..', '..');
const tools = path.join(root, 'build', 'runners');
const modules = installTools(__dirname, tools);
const project = path.join(tools, 'project');

const runs: [name: string, ...command: string[]][] = [
  ['jest', 'jest/bin/jest.js', '--maxWorkers=2'],
  ['jest, in one process', 'jest/bin/jest.js', '--runInBand'],
  ['vitest, forks', 'vitest/vitest.mjs', 'run', '--pool=forks'],
  ['vitest, threads', 'vitest/vitest.mjs', 'run', '--pool=threads'],
];

// Runners start a process or thread for each processor: one thread for each keeps them apart.
const env = { ...process.env, CI: 'true', OMP_NUM_THREADS: '1' };

/** Makes the project of the tests, with the package as it is now. */
function makeProject(): void {
  rmSync(project, { recursive: true, force: true });
  mkdirSync(project);
  for (const name of ['cases.js', 'jest', 'vitest', 'jest.config.js', 'vitest.config.mjs'])
    cpSync(path.join(__dirname, name), path.join(project, name), { recursive: true });
  const addon = path.join('build', 'Release');
  cpSync(path.join(root, addon), path.join(installPackage(project), addon), { recursive: true });
}

/** What plain Node makes of the cases. */
function keepExpected(): void {
  const script = `
    const cases = require('./cases');
    const kappaface = require('kappaface');
    (async () => {
      const people = { identities: 6, maxImages: 6, verificationIdentities: 4, pairs: 20, singletons: 0 };
      if (!require('node:fs').existsSync(cases.FACES)) await kappaface.synthesize(cases.FACES, people);
      const expected = {};
      for (const name of ['tensors', 'training', 'verification', 'configs'])
        expected[name] = cases.rounded(await cases[name](kappaface));
      require('node:fs').writeFileSync(cases.EXPECTED, JSON.stringify(expected, null, 2));
    })();`;
  execFileSync(process.execPath, ['-e', script], { cwd: project, stdio: 'inherit', env });
}

makeProject();
keepExpected();
let failed = 0;
for (const [name, script, ...args] of runs) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(modules, script!), ...args], {
    cwd: project,
    encoding: 'utf8',
    env,
  });
  if (status === 0) console.log(`${name}: passed`);
  else {
    failed += 1;
    console.log(`${name}: failed (${status})\n${stdout}${stderr}`);
  }
}
process.exitCode = failed > 0 ? 1 : 0;
