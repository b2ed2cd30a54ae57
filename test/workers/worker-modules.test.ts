import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';

const LIB = path.join(__dirname, '..', '..', 'lib');

/** The scripts of worker threads, by their path below lib/. */
const scripts = readdirSync(LIB, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('-worker.ts') && path.dirname(file) !== 'workers',
);

/** The modules that a worker has loaded once it is ready for tasks. */
async function modulesOf(script: string): Promise<string[]> {
  const load = `
    const { parentPort, workerData } = require('node:worker_threads');
    require('ts-node/register/transpile-only');
    require(workerData.script);
    parentPort.postMessage(Object.keys(require.cache));`;
  // What the scripts read at their start.
  const workerData = { script: path.join(LIB, script), seed: 1, table: { imageSize: [2, 2] }, batchSize: 1 };
  const worker = new Worker(load, { eval: true, workerData });
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  } finally {
    await worker.terminate();
  }
}

describe('worker threads', () => {
  it('are those that this test knows', () => {
    assert.deepEqual(scripts.map((file) => path.basename(file)).sort(), [
      'check-worker.ts',
      'convert-worker.ts',
      'decode-worker.ts',
      'face-worker.ts',
      'render-worker.ts',
    ]);
  });

  for (const script of scripts)
    it(`load no schema of options, which each thread would pay for: ${script}`, async () => {
      const loaded = await modulesOf(script);
      assert.ok(loaded.includes(path.join(LIB, script)));
      const schemas = loaded.filter(
        (file) =>
          file.includes(`node_modules${path.sep}zod${path.sep}`) ||
          (file.startsWith(LIB) && path.basename(file) === 'options.ts'),
      );
      assert.deepEqual(schemas, []);
    });
});
