import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { temporaryFolder, writeFiles } from '../support/folder';
import { installPackage } from '../support/installed-package';

const root = path.join(__dirname, '..', '..');
const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.relative(folder, path.join(parentPath, name)))
    .map((name) => name.split(path.sep).join('/'))
    .sort();
}

/** What comes of whatever is compiled. */
/** What comes of the files of a folder: TypeScript is compiled, other files are copied as they are. */
const compiledFrom = (folder: string, endings: readonly string[]) =>
  filesOf(path.join(root, folder)).flatMap((name) =>
    name.endsWith('.ts') ? endings.map((ending) => name.replace(/\.ts$/, ending)) : [name],
  );

describe('the package', () => {
  const project = temporaryFolder();
  let installed: string;

  before(() => {
    installed = installPackage(project);
  });

  const run = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project, encoding: 'utf8' });
    assert.equal(status, 0, `${stdout}${stderr}`);
    return stdout;
  };

  it('holds what lib/ and configs/ compile to, whole, and nothing that was compiled from other files', () => {
    assert.deepEqual(
      filesOf(path.join(installed, 'dist')),
      [
        ...compiledFrom('lib', ['.d.ts', '.js', '.js.map']),
        ...compiledFrom('configs', ['.d.ts', '.js']).map((name) => `configs/${name}`),
      ].sort(),
    );
  });

  it('holds what building the addon needs, and neither tests nor tools of the development', () => {
    const files = filesOf(installed).filter((name) => !name.startsWith('dist/'));
    const folders = [...new Set(files.map((name) => name.split('/')[0]))];
    assert.deepEqual(folders, [
      'CHANGELOG.md',
      'CMakeLists.txt',
      'LICENSE',
      'README.md',
      'bin',
      'configs',
      'native',
      'node_modules',
      'package.json',
      'scripts',
    ]);
    assert.deepEqual(
      files.filter((name) => /(^|\/)(tests?|dev|fixtures)\/|_test\.|_fuzz\./.test(name)),
      [],
    );
    for (const name of ['native/addon.cc', 'native/head/margin.h', 'scripts/build-native.js'])
      assert.ok(files.includes(name), name);
  });

  it('gives plain Node its names and its configs, by import and by require', () => {
    writeFiles(project, {
      'imports.mjs': `
        import { defineConfig, IResNet } from 'kappaface';
        import base from 'kappaface/configs/base';
        import paper from 'kappaface/configs/ms1mv2_r100';
        console.log(typeof defineConfig, typeof IResNet, base.name, paper.backbone.depth);`,
      'requires.cjs': `
        const { defineConfig, IResNet } = require('kappaface');
        const base = require('kappaface/configs/base');
        const paper = require('kappaface/configs/ms1mv2_r100');
        console.log(typeof defineConfig, typeof IResNet, base.name, paper.backbone.depth);`,
    });
    for (const file of ['imports.mjs', 'requires.cjs'])
      assert.equal(run(file), 'function function base 100\n', file);
  });

  it('resolves configs/base and configs that derive from its own, where its sources are not', () => {
    assert.ok(!existsSync(path.join(installed, 'lib')));
    writeFiles(project, {
      'mine.ts': `
        import { deriveConfig } from 'kappaface';
        import base from 'kappaface/configs/base';
        export default deriveConfig(base, { name: 'mine', train: { epochs: 3 } });`,
    });
    const kappa = path.join(installed, 'bin', 'kappa.js');
    assert.match(run(kappa, 'config', 'print', 'configs/base'), /^name: "base"$/m);
    const mine = run(kappa, 'config', 'print', 'mine');
    assert.match(mine, /^name: "mine"$/m);
    assert.match(mine, /^ {2}depth: 18$/m);
    assert.match(mine, /^ {2}epochs: 3$/m);
  });

  describe('has types that stand alone: they are right for all that test/types/api claims', () => {
    const uses = `
      import base from 'kappaface/configs/base';
      import { deriveConfig, type Config } from 'kappaface';
      export const config: Config = deriveConfig(base, { name: 'mine' });
      // @ts-expect-error a config is typed
      base.epochs;`;

    before(() => {
      cpSync(path.join(root, 'test', 'types', 'api'), path.join(project, 'api'), { recursive: true });
      writeFiles(project, {
        'uses.cts': uses,
        'uses.mts': uses,
        'package.json': JSON.stringify({ name: 'project', type: 'commonjs' }),
      });
    });

    for (const [name, options] of Object.entries({
      node16: { module: 'node16' },
      bundler: { module: 'preserve', moduleResolution: 'bundler' },
    }))
      it(`to whoever resolves modules as ${name}`, () => {
        const compilerOptions = { ...options, target: 'es2023', types: ['node'], noEmit: true, strict: true };
        writeFiles(project, {
          [`tsconfig.${name}.json`]: JSON.stringify({ compilerOptions, include: ['api', 'uses.*'] }),
        });
        const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', `tsconfig.${name}.json`], {
          cwd: project,
          encoding: 'utf8',
        });
        // Libraries are checked too, but what others declare is theirs.
        const errors = stdout.split('\n').filter((line) => /^\S.*error TS/.test(line));
        assert.deepEqual(
          errors.filter((line) => !/node_modules\/(?!kappaface\/)/.test(line)),
          [],
        );
        assert.ok(status === 0 || stdout !== '', 'the compiler itself failed');
      });
  });
});
