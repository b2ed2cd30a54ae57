import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { referenceFiles } from '../scripts/dev/reference';

const root = path.join(__dirname, '..');

describe('what is made from the schemas', () => {
  it('stands in the repository as it would be made now', async () => {
    for (const [name, text] of await referenceFiles())
      assert.equal(
        readFileSync(path.join(root, name), 'utf8'),
        text,
        `${name} is old: run npm run reference`,
      );
  });
});
