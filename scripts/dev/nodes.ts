// The tests under other versions of Node.js, with the addon that is built: Node-API needs no other.
// npm run nodes [-- --node 26]... [-- --quick] [FILES...]
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { environmentWith, fetchNode } from './fetch-node';

const root = path.join(__dirname, '..', '..');

/** The versions that are supported besides the oldest, 20; the last is the newest. */
export const OTHER_NODES = [22, 24, 26] as const;

/** Where versions differ most: modules, worker threads, the life of the addon, files, messages of Node's own. */
const quickFiles = [
  // Braces alone are no pattern to mocha.
  ...['index', 'env'].map((name) => `test/${name}.test.ts`),
  ...['contract', 'pending', 'pixels', 'refusal'].map((name) => `test/native/${name}.test.ts`),
  'test/{workers,files,package}/*.test.ts',
  'test/config/load.test.ts',
  'test/data/loader.test.ts',
  'test/image/decode.test.ts',
  'test/tensor/host.test.ts',
];

function chosenVersions(given: readonly string[] | undefined, quick: boolean): number[] {
  const versions = given?.map(Number) ?? (quick ? OTHER_NODES.slice(-1) : [...OTHER_NODES]);
  if (versions.every((major) => Number.isInteger(major) && major > 0)) return versions;
  throw new Error(`--node: expected the number of a major version, such as 26, got ${given?.join(', ')}.`);
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { node: { type: 'string', multiple: true }, quick: { type: 'boolean', default: false } },
  });
  const whole = values.quick ? quickFiles : ['test/**/*.test.ts'];
  const files = positionals.length > 0 ? positionals : whole;
  const mocha = path.join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
  const failed: string[] = [];
  for (const major of chosenVersions(values.node, values.quick)) {
    const node = fetchNode(major);
    console.log(`Node.js ${node.version}`);
    const { status } = spawnSync(node.program, [mocha, ...files], {
      cwd: root,
      env: environmentWith(node),
      stdio: 'inherit',
    });
    if (status !== 0) failed.push(node.version);
  }
  if (failed.length > 0) throw new Error(`Tests failed under Node.js ${failed.join(', ')}.`);
}

if (require.main === module)
  try {
    main();
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
