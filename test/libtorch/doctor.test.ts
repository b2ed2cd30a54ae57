import assert from 'node:assert/strict';
import path from 'node:path';
import { runChild } from '../../lib/libtorch/process';
import type { Check } from '../../lib/libtorch/build/tools';
import { writeTree } from '../support/fake-libtorch';
import { temporaryFolder } from '../support/folder';

/** Runs `kappa doctor --json` in a process of its own. */
async function doctor(
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; ok: boolean; checks: Check[] }> {
  const script = `require(${JSON.stringify(path.resolve('lib/cli/main'))}).main()`;
  const { code, stdout, stderr } = await runChild(
    process.execPath,
    ['-r', 'ts-node/register/transpile-only', '-e', script, 'kappa', 'doctor', '--json'],
    { env: { ...process.env, ...env } },
  );
  assert.notEqual(stdout, '', stderr);
  return { code, ...(JSON.parse(stdout) as { ok: boolean; checks: Check[] }) };
}

describe('kappa doctor', () => {
  it('shows every part, and a remedy with all that is not well', async () => {
    const root = writeTree(temporaryFolder());
    const { checks, code, ok } = await doctor({ LIBTORCH: root });
    const names = checks.map(({ name }) => name);
    for (const name of [
      'Node.js',
      'sharp',
      '@julusian/jpeg-turbo',
      'Python and pip',
      'CMake',
      'C++ compiler',
    ])
      assert.ok(names.includes(name), name);
    for (const name of ['LibTorch', 'Native addon', 'Processor', 'Memory', 'Cache folder', 'CUDA'])
      assert.ok(names.includes(name), name);
    for (const { name, status, remedy } of checks) assert.equal(remedy === undefined, status === 'ok', name);
    const libtorch = checks.find(({ name }) => name === 'LibTorch');
    assert.equal(libtorch?.status, 'ok');
    assert.ok(libtorch.detail.includes(`2.13.0, cpu`) && libtorch.detail.includes(root), libtorch.detail);
    assert.equal(ok, !checks.some(({ status }) => status === 'missing'));
    assert.equal(code, ok ? 0 : 1);
  });

  it('fails where something that is needed is missing, and says what was tried', async () => {
    const { checks, code, ok } = await doctor({ LIBTORCH: path.join(temporaryFolder(), 'nowhere') });
    const libtorch = checks.find(({ name }) => name === 'LibTorch');
    assert.equal(libtorch?.status, 'missing');
    assert.match(libtorch.detail, /1\. LIBTORCH=.*nowhere does not exist/);
    assert.match(libtorch.remedy ?? '', /kappa libtorch install/);
    assert.deepEqual([ok, code], [false, 1]);
  });
});
