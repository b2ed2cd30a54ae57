import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { openCheckpoint, resolveCheckpoint } from '../../lib';
import { CheckpointFolder } from '../../lib/run/checkpoint';
import { temporaryFolder } from '../support/folder';

describe('a process that is killed while it writes a checkpoint', () => {
  const folder = temporaryFolder();

  for (const [way, memory] of [
    ['beside training', 1e9],
    ['in line', 0],
  ] as const)
    it(`leaves the one before usable (${way})`, async function () {
      if (process.platform === 'win32') this.skip(); // it has no pipes among its files
      this.timeout(60_000);
      const root = path.join(folder, way);
      const transpile = require.resolve('ts-node/register/transpile-only');
      const child = spawn(
        process.execPath,
        ['-r', transpile, path.join(__dirname, 'checkpoint-child.js'), root, String(memory)],
        { stdio: ['ignore', 'inherit', 'inherit'] },
      );
      const ended = once(child, 'exit');
      const partial = (): string | undefined =>
        existsSync(root)
          ? readdirSync(root).find((name) => /^\.step-00000002\..*\.partial$/.test(name))
          : undefined;
      // The optimizer's file is there, the backbone's is a pipe that the thread waits at.
      while (!existsSync(path.join(root, partial() ?? 'none', 'backbone.safetensors'))) {
        assert.equal(child.exitCode, null, 'it ended by itself');
        await sleep(5);
      }
      child.kill('SIGKILL');
      assert.deepEqual(await ended, [null, 'SIGKILL']);
      assert.ok(partial() !== undefined);
      for (const which of ['best', 'last'] as const) {
        const kept = await openCheckpoint<{ step: number }>(await resolveCheckpoint(root, which));
        assert.equal(kept.state.step, 1);
        assert.equal((await kept.tensors('backbone')).get('w')?.size, 1000);
      }
      await new CheckpointFolder(root).prune(2);
      assert.deepEqual(readdirSync(root).sort(), ['best', 'last', 'step-00000001']);
    });
});
