import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { resolveConfig } from '../../lib';
import { RunFolder } from '../../lib/run/run-folder';
import { currentRunState, initialRunState } from '../../lib/run/run-state';
import { rejects } from '../support/assert';
import { temporaryFolder } from '../support/folder';

describe('a run of the version before', () => {
  const output = temporaryFolder();
  const config = resolveConfig({
    name: 'old',
    output,
    data: { synthetic: {} },
    backbone: { precision: 'bfloat16' },
    head: { kind: 'arcface', precision: 'float32' },
  });

  /** The folder of a run whose config was saved in the old spelling, with the options of every kind of head. */
  async function oldRun(changes: object = {}): Promise<RunFolder> {
    const folder = await RunFolder.create(config);
    const saved = JSON.parse(readFileSync(folder.path('config.json'), 'utf8')) as typeof config;
    const old = {
      ...saved,
      backbone: { ...saved.backbone, precision: 'bf16', ...changes },
      head: { ...saved.head, temperature: 0.4, cosineMargin: 0, concentration: { kind: 'memory' } },
    };
    writeFileSync(path.join(folder.root, 'config.json'), JSON.stringify(old));
    return folder;
  }

  it('goes on, whatever options its kind of head has no more', async () => {
    await (await oldRun()).checkConfig(config);
  });

  it('is still held to what decides a step', async () => {
    await rejects(
      (await oldRun({ depth: 18 })).checkConfig(config),
      'ERR_CONFIG',
      /backbone was .*"depth":18/,
    );
  });

  it('keeps its number of margin updates', () => {
    const { headCounters: _counters, ...old } = initialRunState();
    const state = currentRunState({ ...old, marginUpdates: 3 } as never);
    assert.deepEqual(state.headCounters, { marginUpdates: 3 });
    assert.ok(!('marginUpdates' in state));
  });
});
