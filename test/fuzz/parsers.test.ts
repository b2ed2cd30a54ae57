import assert from 'node:assert/strict';
import path from 'node:path';
import { runCampaign } from './campaign';
import { targets } from './targets';
import { temporaryFolder } from '../support/folder';

// The same as `npm run fuzz`, with fewer inputs.
describe('mutated input', () => {
  const root = temporaryFolder();

  for (const target of targets)
    it(`gives a result or a typed error, soon and in little memory: ${target.about}`, async () => {
      const state = await runCampaign({
        target,
        targets: path.join(__dirname, 'targets'),
        seed: 1,
        inputs: target.everydayInputs,
        folder: path.join(root, target.name),
        timeLimit: 20_000,
      });
      assert.deepEqual(
        state.findings.map(({ kind, index, what }) => `${kind} at input ${index}: ${what}`),
        [],
      );
      assert.equal(state.next, target.everydayInputs);
      assert.ok(state.answers.ok! > 0, 'some inputs are sound');
    });
});
