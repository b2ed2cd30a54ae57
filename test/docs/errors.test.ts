import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(__dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

describe('the reference of errors', () => {
  const page = read('docs/reference/errors.md');
  const codes = [...read('lib/errors.ts').matchAll(/^ {2}\| '(ERR_\w+)'/gm)].map(([, code]) => code);

  it('tells every code, in the order of the sources, and no other', () => {
    assert.ok(codes.length > 10, 'the codes were not found in lib/errors.ts');
    assert.deepEqual(
      [...page.matchAll(/^## (ERR_\w+)$/gm)].map(([, code]) => code),
      codes,
    );
    assert.deepEqual(
      [...page.matchAll(/^\| \[`(ERR_\w+)`\]/gm)].map(([, code]) => code),
      codes,
    );
  });

  it('says of each what to do', () => {
    for (const section of page.split(/^## /m).slice(1)) assert.match(section, /_Do:_ \S/);
  });
});
