// Makes the next version of what waits in .changeset/: numbers, changelog, lock file. npm run release:version
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { readChangesets, releaseChangelog } from './changesets';
import { alignVersions } from './platform-packages';

const root = path.join(__dirname, '..', '..', '..');

function main(): void {
  const changes = readChangesets(root);
  if (changes.length === 0) throw new Error('No change waits in .changeset/: npm run changeset adds one.');
  // Takes the files of .changeset/ away, and gives package.json its version.
  execFileSync('npm', ['run', '--silent', 'changeset', '--', 'version'], { cwd: root, stdio: 'inherit' });
  alignVersions(root);
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  const file = path.join(root, 'CHANGELOG.md');
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(file, releaseChangelog(readFileSync(file, 'utf8'), changes, version, date));
  execFileSync('npx', ['prettier', '--write', 'CHANGELOG.md'], { cwd: root, stdio: 'inherit' });
  console.log(`kappaface ${version}`);
}

try {
  main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
