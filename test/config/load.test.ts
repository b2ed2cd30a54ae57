import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, parse } from 'node:path';
import { findConfig, formatConfig, loadConfig, resolveConfig } from '../../lib/config';
import { parse as parseYaml } from 'yaml';
import { temporaryFolder } from '../support/folder';

const configs = join(__dirname, '..', '..', 'configs');

describe('loading a config', () => {
  let folder: string;
  beforeEach(() => (folder = temporaryFolder()));

  function write(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }

  const typed = (name: string): string =>
    `import { defineConfig } from 'kappaface';
     const name: string = '${name}';
     export default defineConfig({ name, data: { synthetic: {} } });`;

  it('takes TypeScript, JavaScript of both kinds, JSON and YAML', async () => {
    write('ts.ts', typed('ts'));
    write('mjs.mjs', typed('mjs').replace(': string', ''));
    write('js.js', `module.exports = { name: 'js', data: { synthetic: {} } };`);
    write(
      'cjs.cjs',
      `const { defineConfig } = require('kappaface');
      module.exports = defineConfig({ name: 'cjs', data: { synthetic: {} } });`,
    );
    write('json.json', JSON.stringify({ name: 'json', data: { synthetic: {} } }));
    write('yaml.yaml', 'name: yaml\ndata:\n  synthetic: {}\n');
    write('yml.yml', 'name: yml\ndata:\n  synthetic: {}\n');
    for (const file of readdirSync(folder)) {
      const { name } = parse(file);
      assert.equal((await loadConfig(join(folder, file))).name, name);
      assert.equal((await loadConfig(join(folder, name))).name, name, `${name} without its extension`);
    }
  });

  it('gives every kind of script defineConfig without loading an installed package', async () => {
    const installed = join(folder, 'node_modules', 'kappaface');
    mkdirSync(installed, { recursive: true });
    writeFileSync(join(installed, 'package.json'), JSON.stringify({ name: 'kappaface', main: 'index.js' }));
    writeFileSync(join(installed, 'index.js'), 'throw new Error("the package was loaded");');
    const common = `const { defineConfig } = require('kappaface');
      module.exports = defineConfig({ name: 'light', data: { synthetic: {} } });`;
    write('a.ts', typed('light'));
    write('b.mjs', typed('light').replace(': string', ''));
    write('c.js', common);
    write('d.cjs', common);
    for (const file of ['a.ts', 'b.mjs', 'c.js', 'd.cjs'])
      assert.equal((await loadConfig(join(folder, file))).name, 'light', file);
  });

  it('lets configs derive from each other, from those of the package too', async () => {
    write('mine.ts', typed('mine'));
    write(
      'derived.ts',
      `import { deriveConfig } from 'kappaface';
       import mine from './mine';
       export default deriveConfig(mine, { name: 'derived', seed: 7 });`,
    );
    const derived = await loadConfig(join(folder, 'derived'));
    assert.deepEqual([derived.name, derived.seed], ['derived', 7]);
    assert.notEqual(derived.data.synthetic, null);
    write(
      'paper.ts',
      `import { deriveConfig } from 'kappaface';
       import base from 'kappaface/configs/ms1mv2_r100';
       export default deriveConfig(base, { name: 'paper', backbone: { depth: 50 } });`,
    );
    const paper = await loadConfig(join(folder, 'paper'));
    assert.deepEqual([paper.name, paper.backbone.depth, paper.data.numClasses], ['paper', 50, 85_742]);
  });

  it('sees a file as it is now, not as it was first loaded', async () => {
    const path = write('config.ts', typed('before'));
    assert.equal((await loadConfig(path)).name, 'before');
    write('config.ts', typed('after'));
    assert.equal((await loadConfig(path)).name, 'after');
  });

  it('applies overrides before anything is validated', async () => {
    const path = write('config.json', JSON.stringify({ name: 'x', train: { epochs: 5 } }));
    const config = await loadConfig(path, ['data.root=there', 'schedule.milestones=[6]', 'train.epochs=9']);
    assert.deepEqual([config.data.root, config.train.epochs], ['there', 9]);
  });

  it('names the file and the problem of what cannot be loaded', async () => {
    const cases: [string, string, RegExp][] = [
      ['syntax.ts', 'export default {', /syntax\.ts could not be run: /],
      ['throws.ts', 'throw new Error("no luck");', /throws\.ts could not be run: no luck/],
      [
        'nothing.ts',
        'export const x = 1;',
        /nothing\.ts has one problem:\n {2}expected the config as the default export/,
      ],
      ['number.ts', 'export default 5;', /number\.ts has one problem:\n {2}expected an object with options/],
      ['bad.json', '{ "name": ', /bad\.json cannot be read: /],
      ['bad.yaml', 'name: [', /bad\.yaml cannot be read: /],
      [
        'empty.yaml',
        '',
        /empty\.yaml has one problem:\n {2}expected an object with options, but received null/,
      ],
      ['wrong.json', '{ "name": "x", "trian": {} }', /wrong\.json has 2 problems:\n {2}trian: /],
    ];
    for (const [name, content, message] of cases)
      await assert.rejects(loadConfig(write(name, content)), { code: 'ERR_CONFIG', message });
  });

  it('says where it looked for a config that is not there, and takes no folder for one', async () => {
    mkdirSync(join(folder, 'sub.ts'));
    await assert.rejects(loadConfig(join(folder, 'sub')), {
      code: 'ERR_CONFIG',
      message: /There is no config/,
    });
    await assert.rejects(loadConfig('no/such'), { code: 'ERR_CONFIG', message: /configs.no.such/ });
    await assert.rejects(loadConfig(write('config.toml', 'a = 1')), { message: /has no known extension/ });
  });
});

describe("the package's configs", () => {
  const names = readdirSync(configs).map((file) => parse(file).name);

  it('are all valid, named after their files, and found by name', async () => {
    assert.ok(names.length >= 6);
    for (const name of names) {
      assert.equal((await loadConfig(`configs/${name}`)).name, name);
      assert.equal(await findConfig(name), join(configs, `${name}.ts`));
    }
  });

  it('say where to get the data that they do not bring', async () => {
    for (const name of names) {
      const { data } = await loadConfig(name);
      if (data.root === null) assert.notEqual(data.synthetic, null);
      else assert.match(data.source, /train\.rec, train\.idx[^]*--set data\.root=FOLDER/);
    }
  });

  it('have the official epochs, decays and classes', async () => {
    const official: Record<string, [number, number[], number, number]> = {
      ms1mv2_r100: [24, [10, 18, 22], 85_742, 100],
      ms1mv3_r100: [25, [11, 17, 22], 93_431, 100],
      glint360k_r100: [20, [8, 12, 15, 18], 360_232, 100],
      casia_r50: [50, [10, 28, 38, 46], 10_572, 50],
    };
    for (const [name, [epochs, milestones, numClasses, depth]] of Object.entries(official)) {
      const { train, schedule, data, backbone, head, optimizer } = await loadConfig(name);
      assert.equal(train.epochs, epochs);
      assert.deepEqual(schedule, { kind: 'step', warmupEpochs: 0, milestones, factor: 0.1 });
      assert.equal(data.numClasses, numClasses);
      assert.equal(backbone.depth, depth);
      assert.ok(head.kind === 'kappaface');
      const { scale, margin, temperature, gamma, concentration } = head;
      assert.deepEqual([scale, margin, temperature, gamma], [64, 0.8, 0.4, 0.7]);
      assert.deepEqual(concentration, { kind: 'momentum', momentum: 0.9 });
      assert.deepEqual([optimizer.lr, optimizer.referenceBatchSize], [0.1, 512]);
    }
  });

  it('become ArcFace with its margin by one override', async () => {
    const { head } = await loadConfig('ms1mv2_r100', ['head.kind=arcface']);
    assert.deepEqual([head.kind, head.margin], ['arcface', 0.5]);
  });

  it('are printed with the learning rate that is used', async () => {
    const printed = formatConfig(await loadConfig('base', ['train.batchSize=64', 'train.accumulate=2']));
    assert.match(printed, /# used here: 0\.24 = 0\.06 \* 64 \* 2 \/ 32\n {2}lr: 0\.06\n/);
  });

  it('are printed as YAML that resolves to the same values, every option with a doc line', async () => {
    for (const name of names) {
      const config = await loadConfig(name);
      const printed = formatConfig(config);
      assert.deepEqual(resolveConfig(parseYaml(printed)), config);
      const lines = printed.trimEnd().split('\n');
      lines.forEach((line, i) => {
        if (!line.trimStart().startsWith('#')) assert.match(lines[i - 1] ?? '', /^ *# ./, line);
      });
    }
  });
});
