import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import Ajv from 'ajv';
import { createJiti } from 'jiti';
import { configJsonSchema, defineConfig, deriveConfig, loadConfig } from '../../lib/config';
import { temporaryFolder, writeFile } from '../support/folder';

const configs = path.join(__dirname, '..', '..', 'configs');

describe('the JSON schema of configs', () => {
  const validate = new Ajv({ allErrors: true }).compile(configJsonSchema());
  const accepts = (config: unknown) =>
    assert.ok(validate(config), `${JSON.stringify(config)}\n${JSON.stringify(validate.errors, null, 1)}`);
  const refuses = (config: object) =>
    assert.ok(!validate({ name: 'wrong', ...config }), JSON.stringify(config));

  it('accepts every config of the package', async () => {
    const jiti = createJiti(__filename, { virtualModules: { kappaface: { defineConfig, deriveConfig } } });
    for (const name of readdirSync(configs))
      accepts(JSON.parse(JSON.stringify(await jiti.import(path.join(configs, name), { default: true }))));
  });

  it('accepts a kind of each section that has kinds, and a section that leaves the kind out', () => {
    for (const kind of ['kappaface', 'arcface', 'cosface', 'combined'])
      accepts({ name: 'a', head: { kind } });
    for (const kind of ['step', 'polynomial']) accepts({ name: 'a', schedule: { kind } });
    for (const kind of ['momentum', 'memory']) accepts({ name: 'a', head: { concentration: { kind } } });
    accepts({ name: 'a', backbone: { depth: 18 }, head: { gamma: 1 }, schedule: { milestones: [2] } });
    accepts({
      name: 'a',
      backbone: { precision: 'bf16' },
      data: { augment: { jpeg: { quality: [30, 90] } } },
    });
  });

  it('refuses what no config has', () => {
    refuses({ optimiser: { lr: 0.1 } });
    refuses({ train: { epoch: 3 } });
    refuses({ head: { kind: 'sphereface' } });
    assert.ok(!validate({}), 'a run has a name');
  });

  it('refuses an option of another kind', () => {
    refuses({ head: { kind: 'arcface', temperature: 0.4 } });
    refuses({ head: { cosineMargin: 0.1 } });
    refuses({ head: { concentration: { kind: 'memory', momentum: 0.9 } } });
    refuses({ schedule: { kind: 'polynomial', milestones: [10] } });
  });

  it('refuses values of a wrong type or out of their bounds', () => {
    refuses({ train: { epochs: '3' } });
    refuses({ train: { epochs: 0 } });
    refuses({ train: { epochs: 2.5 } });
    refuses({ backbone: { depth: 101 } });
    refuses({ backbone: { precision: 'half' } });
    refuses({ data: { validation: 'lfw' } });
    refuses({ data: { augment: { jpeg: { quality: [30] } } } });
    refuses({ data: { augment: { jpeg: { quality: [30, 90, 100] } } } });
    refuses({ runtime: { device: 'tpu' } });
    refuses({ optimizer: null });
  });

  it('may be named in a config, as editors want it', async () => {
    const config = { $schema: './kappaface.schema.json', name: 'mine', data: { synthetic: {} } };
    accepts(config);
    const file = writeFile(temporaryFolder(), 'mine.json', JSON.stringify(config));
    assert.equal((await loadConfig(file)).name, 'mine');
  });

  it('tells editors the doc line and the default of each option', () => {
    interface Node {
      readonly description?: string;
      readonly default?: unknown;
      readonly properties?: Readonly<Record<string, Node>>;
    }
    const { optimizer, train } = (configJsonSchema() as Node).properties!;
    assert.equal(train?.properties?.['epochs']?.description, 'passes over the training set');
    assert.equal(train?.properties?.['epochs']?.default, 20);
    assert.equal(optimizer?.description, 'how parameters move');
  });
});
