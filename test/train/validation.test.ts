import assert from 'node:assert/strict';

import { readValidationSets } from '../../lib/train/validation';
import { temporaryFolder } from '../support/folder';
import { tinyFaces } from '../support/tiny-run';

describe('the verification sets of a run', () => {
  it('are read with a word on images of another size than the network takes, and silently otherwise', async () => {
    const root = await tinyFaces(temporaryFolder());
    for (const [imageSize, expected] of [
      [112, []],
      [64, [/^synth: 40 of 40 images are not 64 x 64 pixels: 112 x 112 \(40\).*40 shrunk/]],
    ] as const) {
      const said: string[] = [];
      const data = { validation: 'auto', validationRequired: true, imageSize } as Parameters<
        typeof readValidationSets
      >[1];
      const sets = await readValidationSets(root, data, (text) => said.push(text));
      assert.equal(sets.length, 1);
      assert.equal(said.length, expected.length);
      expected.forEach((pattern, i) => assert.match(said[i] ?? '', pattern));
    }
  });
});
