import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';

import type { Config } from '../../lib';
import { jpeg, makeDataset } from '../support/faces';
import { temporaryFolder } from '../support/folder';
import { onRanks, startRanks, type RankOutcome } from '../support/ranks';
import type { TrainerRunOptions, TrainerRunResult } from './trainer-run';

const MODULE = path.join(__dirname, 'trainer-run');

describe('ranks of which one is unlike the others', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  const counts = [4, 5, 4, 5];
  let faces: string;
  let runs = 0;
  const run = async (
    worldSize: number,
    more: Partial<TrainerRunOptions>,
    changes: Partial<Config> = {},
  ): Promise<RankOutcome[]> => {
    const { train, data, ...rest } = changes;
    const options: TrainerRunOptions = {
      ...{ faces, output: path.join(folder, `runs${runs++}`) },
      changes: {
        data: { validation: [], ...data },
        train: { epochs: 1, batchSize: 2, logEvery: 1, checkpointEvery: 1, ...train },
        runtime: { threads: 1 },
        ...rest,
      },
      ...more,
    };
    const { outcomes } = await startRanks(worldSize, MODULE, 'trainerRun', { ...options });
    return outcomes;
  };
  const allFail = (outcomes: RankOutcome[], code: string, message: RegExp): void => {
    for (const [rank, { error }] of outcomes.entries()) {
      assert.equal(error?.code, code, `rank ${rank}: ${error?.message ?? 'well'}`);
      assert.match(error?.message ?? '', message);
    }
  };

  before(async () => {
    faces = await makeDataset(path.join(folder, 'faces'), counts);
  });

  it('all hear which one has another config, and in what', async () => {
    const outcomes = await run(2, { differing: { rank: 1, changes: { seed: 6 } } });
    allFail(outcomes, 'ERR_CONFIG', /The 2 ranks .* not have the same:\n {2}rank 1: seed is 6, on rank 0 5$/);
  });

  it('all hear which one has other data at the same place', async () => {
    const other = path.join(folder, 'other-machine');
    mkdirSync(other);
    await makeDataset(path.join(other, 'faces'), counts, (i) => jpeg(i + 100));
    const outcomes = await run(2, { faces: 'faces', differing: { rank: 1, folder: other }, common: folder });
    allFail(
      outcomes,
      'ERR_CONFIG',
      /\n {2}rank 1: data: SHA-256 of source 0 is \w+ \(weight 1\), on rank 0 \w+/,
    );
  });

  it('all hear how many could go on with a run that so many cannot share', async () => {
    const output = path.join(folder, 'shared');
    const [first] = await onRanks<TrainerRunResult>(2, MODULE, 'trainerRun', {
      ...{ faces, output, interrupt: { rank: 1, step: 1 } },
      changes: {
        data: { validation: [] },
        train: { epochs: 2, batchSize: 2, accumulate: 2, logEvery: 1 },
        runtime: { threads: 1 },
      },
    });
    assert.equal(first?.interrupted, true);
    const outcomes = await run(3, { output, resume: true }, { train: { epochs: 2, accumulate: 2 } });
    allFail(
      outcomes,
      'ERR_CONFIG',
      /steps are of 8 images, which 3 ranks cannot share .* with 1, 2, 4 ranks\./,
    );
  });
});
