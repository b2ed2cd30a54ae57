import assert from 'node:assert/strict';
import { parseYaml } from '../../lib/config/yaml';

describe('deeply nested YAML', () => {
  for (const [name, text] of Object.entries({
    'lists in one line': '- '.repeat(3000),
    'keys in one line': '? '.repeat(3000),
    brackets: '['.repeat(3000),
    'brackets with comments that close them': '[\n# ]\n'.repeat(3000),
    'brackets with texts that close them': '["]", '.repeat(3000),
    'blocks, line by line': Array.from({ length: 3000 }, (_, i) => `${' '.repeat(i)}a:\n`).join(''),
  }))
    it(`is refused instead of ending the process: ${name}`, () =>
      assert.throws(() => parseYaml(text), /nested/));

  it('is no matter for texts that look like it', () => {
    assert.deepEqual(parseYaml(`a: "${'['.repeat(500)}"\nb: [1, {c: [2]}]\n`), {
      a: '['.repeat(500),
      b: [1, { c: [2] }],
    });
  });
});
