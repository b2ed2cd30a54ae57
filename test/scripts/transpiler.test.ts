import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

import { temporaryFolder } from '../support/folder';

interface Transpiler {
  transpile(code: string, file: { fileName: string }): ts.TranspileOutput;
}

// eslint-disable-next-line @typescript-eslint/no-require-imports -- the scripts are not TypeScript
const { create } = require('../../scripts/dev/transpiler.js') as {
  create(options: { service: { config: { options: ts.CompilerOptions } }; folder: string }): Transpiler;
};

describe('the transpiler of the sources', () => {
  const folder = temporaryFolder();
  const made = create({
    service: { config: { options: { module: ts.ModuleKind.CommonJS, sourceMap: true } } },
    folder: path.join(folder, 'kept'),
  });
  const transpile = (code: string, name = 'file.ts') =>
    made.transpile(code, { fileName: path.join(folder, name) });
  const kept = (): string[] => readdirSync(path.join(folder, 'kept'));

  it('keeps what TypeScript made, of each file what its source is now', () => {
    const first = transpile('export const a: number = 1;');
    assert.match(first.outputText, /^exports\.a = 1;$/m);
    assert.match(first.sourceMapText ?? '', /"mappings"/);
    assert.deepEqual(transpile('export const a: number = 1;'), first);
    assert.match(transpile('export const a: number = 2;').outputText, /^exports\.a = 2;$/m);
    assert.equal(kept().length, 1);
    transpile('export const a: number = 1;', 'other.ts');
    assert.equal(kept().length, 2);
  });

  it('takes what was kept, unless it is damaged', () => {
    const code = 'export const b: number = 3;';
    const { outputText } = transpile(code, 'third.ts');
    for (const name of kept()) {
      const file = path.join(folder, 'kept', name);
      writeFileSync(file, readFileSync(file, 'utf8').replace('exports.b = 3', 'exports.b = 4'));
    }
    assert.match(transpile(code, 'third.ts').outputText, /exports\.b = 4/);
    for (const name of kept()) writeFileSync(path.join(folder, 'kept', name), '{"key":');
    assert.equal(transpile(code, 'third.ts').outputText, outputText);
  });

  it('tells what is no TypeScript, and keeps nothing of it', () => {
    const before = kept().length;
    assert.equal(transpile('const = ;', 'fourth.ts').diagnostics?.length, 1);
    assert.equal(kept().length, before);
  });
});
