import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { targets } from './broken-targets';
import { replayInput, runCampaign, type CampaignOptions } from './campaign';
import { loadState, type CampaignState } from './state';
import { temporaryFolder } from '../support/folder';

const MODULE = path.join(__dirname, 'broken-targets');

describe('the fuzz harness', () => {
  const root = temporaryFolder();

  function options(name: string, folder: string, inputs: number): CampaignOptions {
    const target = targets.find((each) => each.name === name)!;
    return {
      target,
      targets: MODULE,
      seed: 1,
      inputs,
      folder: path.join(root, folder),
      timeLimit: name === 'hang' ? 3000 : 60_000,
      restarts: 0,
    };
  }

  /** What a repeated campaign must have in common. */
  const essence = ({ next, kept, answers, signatures }: CampaignState) => ({
    next,
    kept,
    answers,
    signatures,
  });

  it('has nothing to say about a sound parser', async () => {
    const state = await runCampaign(options('nothing', 'nothing', 2000));
    assert.deepEqual(state.findings, []);
    assert.equal(state.next, 2000);
    assert.deepEqual(Object.keys(state.answers).sort(), ['ERR_DATA_CORRUPT', 'ok']);
    assert.ok(state.kept.length > 1, 'inputs with new answers become seeds');
  });

  it('gives the same inputs again, also when it was interrupted on the way', async () => {
    const once = await runCampaign(options('nothing', 'once', 1500));
    await runCampaign(options('nothing', 'twice', 700));
    assert.equal(loadState(path.join(root, 'twice'))?.next, 700);
    assert.deepEqual(essence(await runCampaign(options('nothing', 'twice', 1500))), essence(once));
  });

  for (const [name, kind, what] of [
    ['check', 'answer', /^RangeError/],
    ['code', 'answer', /unexpected code ERR_INTERNAL/],
    ['message', 'answer', /a message of \d+ characters/],
    ['crash', 'crash', /the process ended with/],
    ['hang', 'hang', /no answer within 3 s/],
    ['memory', undefined, /the process grew|Array buffer allocation failed|ended with/],
  ] as const)
    it(`finds what is broken, saves the input, and replays it: ${name}`, async () => {
      const inputs = kind === 'hang' || kind === 'crash' ? 20 : 500;
      const [finding] = (await runCampaign(options(name, name, inputs))).findings;
      assert.ok(finding, 'something is found');
      if (kind !== undefined) assert.equal(finding.kind, kind);
      assert.match(finding.what, what);
      const again = await replayInput(options(name, `${name}-again`, 1), readFileSync(finding.file));
      assert.equal(again.findings.length, 1);
      assert.match(again.findings[0]!.what, what);
    });
});
