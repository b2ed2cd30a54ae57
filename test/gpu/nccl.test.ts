import assert from 'node:assert/strict';
import path from 'node:path';

import { ProcessGroup, Tensor, Trainer } from '../../lib';
import { freePort } from '../../lib/distributed/launcher/addresses';
import type { TrainerOptions } from '../../lib/train/events';
import { temporaryFolder } from '../support/folder';
import { needsParityDevice, numbers, parityDevice } from '../support/parity';
import { tinyConfig, tinyFaces } from '../support/tiny-run';

/** One rank, for NCCL wants a GPU for each: what it does goes through NCCL all the same. */
describe('a group of ranks on the device', function () {
  this.timeout(300_000);
  needsParityDevice();
  const folder = temporaryFolder();
  const join = async (): Promise<ProcessGroup> =>
    ProcessGroup.join(
      { rank: 0, worldSize: 1, masterAddress: '127.0.0.1', masterPort: await freePort() },
      { timeout: 60, device: parityDevice },
    );

  it('sums, gathers and broadcasts tensors of the device, and those of the CPU', async () => {
    const group = await join();
    for (const device of new Set([parityDevice, 'cpu'])) {
      const values = await (await Tensor.from(Float32Array.of(1, 2.5, -3))).to({ device });
      await group.allReduce(values);
      await group.broadcast([values]);
      const gathered = await group.allGather(values);
      await group.settle();
      assert.deepEqual(await numbers(gathered), [1, 2.5, -3], device);
    }
    assert.deepEqual(await group.gatherText('here'), ['here']);
    await group.leave();
  });

  it('trains as a process without a group does', async () => {
    const faces = await tinyFaces(path.join(folder, 'cache'));
    const train = async (name: string, group?: ProcessGroup): Promise<number[]> => {
      const losses: number[] = [];
      const config = tinyConfig(faces, path.join(folder, name), {
        data: { validation: [] },
        backbone: { depth: 18, widthMultiplier: 0.0625, embeddingSize: 16, precision: 'float32' },
        head: { kind: 'kappaface', precision: 'float32', concentration: { kind: 'memory' } },
        runtime: { device: parityDevice, deterministic: true },
        train: { epochs: 2, batchSize: 8, logEvery: 1 },
      });
      const options: TrainerOptions = {
        onStep: ({ loss }) => void losses.push(loss),
        ...(group && { group }),
      };
      await new Trainer(config, options).run();
      return losses;
    };
    const alone = await train('alone');
    const group = await join();
    const together = await train('together', group);
    await group.leave();
    assert.ok(alone.length > 3);
    for (const [step, loss] of alone.entries())
      assert.ok(
        Math.abs((together[step] ?? NaN) - loss) < 1e-4 * loss,
        `step ${step}: ${together[step]}, not ${loss}`,
      );
  });
});
