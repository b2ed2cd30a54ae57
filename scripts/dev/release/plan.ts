// What a push to main leads to, as outputs of a step: a pull request with the next version while changes wait, a release
// once their version is not published yet, else nothing. npm run --silent release:plan
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { readChangesets } from './changesets';
import { versionProblems } from './platform-packages';

const root = path.join(__dirname, '..', '..', '..');

function isPublished(content: string): boolean {
  // npm run --silent would have this one silent, too.
  const args = ['view', content, 'version', '--loglevel=error'];
  const { status, stdout, stderr } = spawnSync('npm', args, { encoding: 'utf8' });
  if (status === 0) return stdout.trim() !== '';
  if (/E404/.test(stderr)) return false;
  throw new Error(`The registry does not say whether it has ${content}:\n${stderr}`);
}

function main(): void {
  const problems = versionProblems(root);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  const waiting = readChangesets(root).length;
  const publish = waiting === 0 && !isPublished(`kappaface@${version}`);
  console.log(`version=${version}\nwaiting=${waiting > 0}\npublish=${publish}`);
}

try {
  main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
