import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { temporaryFolder, writeFiles } from '../support/folder';

const script = path.join(__dirname, '..', '..', 'scripts', 'dev', 'clean-dist.js');

describe('before a build', () => {
  const compiled = (name: string) =>
    Object.fromEntries(['.js', '.js.map', '.d.ts'].map((ending) => [`dist/${name}${ending}`, '']));
  const distOf = (root: string) => {
    const entries = readdirSync(path.join(root, 'dist'), { recursive: true, withFileTypes: true });
    return entries
      .map(({ parentPath, name }) => path.relative(path.join(root, 'dist'), path.join(parentPath, name)))
      .sort();
  };

  it('what was compiled from files that are gone is removed, with their folders, and nothing else', () => {
    const root = writeFiles(temporaryFolder(), {
      'lib/index.ts': '',
      'lib/data/loader/data-loader.ts': '',
      'configs/kept.ts': '',
      ...compiled('index'),
      ...compiled('data/loader/data-loader'),
      ...compiled('data/loader'),
      ...compiled('old/deep/gone'),
      ...compiled('configs/kept'),
      ...compiled('configs/gone'),
      'dist/.tsbuildinfo': '{}',
      'dist/.stamp': 'x',
    });
    execFileSync(process.execPath, [script, root]);
    assert.deepEqual(distOf(root), [
      '.stamp',
      '.tsbuildinfo',
      'configs',
      'configs/kept.d.ts',
      'configs/kept.js',
      'configs/kept.js.map',
      'data',
      'data/loader',
      'data/loader/data-loader.d.ts',
      'data/loader/data-loader.js',
      'data/loader/data-loader.js.map',
      'index.d.ts',
      'index.js',
      'index.js.map',
    ]);
  });

  it('nothing happens where nothing was built', () => {
    const root = writeFiles(temporaryFolder(), { 'lib/index.ts': '' });
    execFileSync(process.execPath, [script, root]);
    assert.deepEqual(readdirSync(root), ['lib']);
  });
});
