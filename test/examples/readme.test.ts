import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(__dirname, '../..');

describe('the README', function () {
  this.timeout(120_000);
  const example = readFileSync(path.join(root, 'examples/toy.mjs'), 'utf8');

  it('shows the example as it is', () => {
    const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
    assert.ok(readme.includes(`\`\`\`js\n${example}\`\`\``));
  });

  it('has an example that trains', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['examples/toy.mjs'], {
      cwd: root,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    const losses = [...stdout.matchAll(/loss (\d+\.\d+)/g)].map((match) => Number(match[1]));
    assert.equal(losses.length, 4, stdout);
    assert.ok((losses.at(-1) ?? 99) < 1 && (losses.at(-1) ?? 99) <= (losses[0] ?? 0), stdout);
  });
});
