import assert from 'node:assert/strict';
import { loadConfig } from '../../../lib/config';
import type { Mutation } from '../mutations';
import type { FuzzTarget } from '../target';
import { fileIn } from './bytes';

const JSON_CONFIG = {
  name: 'run',
  data: { root: '/data/faces', validation: 'auto' },
  backbone: { depth: 18, widthMultiplier: 0.25, embeddingSize: 128 },
  head: { kind: 'kappaface', concentration: { kind: 'memory' } },
  optimizer: { lr: 0.06 },
  train: { epochs: 5, batchSize: 32 },
};
const YAML_CONFIG = `name: run
data:
  root: /data/faces
backbone: &backbone
  depth: 18
head:
  kind: arcface
schedule: { kind: polynomial, power: 1 }
train:
  epochs: 5
  batchSize: 32
`;

const nest =
  (open: string, close: string): Mutation =>
  (input, random, { maxBytes }) => {
    const depth = 2 ** random.below(Math.floor(Math.log2(maxBytes / (open.length + close.length))) + 1);
    const text = `${open.repeat(depth)}1${close.repeat(depth)}`;
    const at = random.below(input.length + 1);
    return random.below(2) === 0
      ? Buffer.from(text)
      : Buffer.concat([input.subarray(0, at), Buffer.from(text), input.subarray(at)]);
  };

const common = {
  // Every problem of a config is told at once.
  maxMessage: 1 << 17,
  codes: ['ERR_CONFIG'],
  maxBytes: 1 << 13,
} as const;

function open(extension: string): FuzzTarget['open'] {
  return (scratch) => {
    const write = fileIn(scratch, `config.${extension}`);
    return async (input) => {
      const config = await loadConfig(write(input));
      assert.equal(typeof config.name, 'string');
      return config.head.kind;
    };
  };
}

export const jsonConfigTarget: FuzzTarget = {
  ...common,
  name: 'config-json',
  about: 'configs in JSON',
  seeds: () =>
    [JSON_CONFIG, { name: 'run', data: { synthetic: {} } }].map((config) =>
      Buffer.from(JSON.stringify(config)),
    ),
  tokens: [
    'null',
    'true',
    '1e999',
    '"__proto__":',
    '"constructor":',
    '"toString":',
    '{',
    '}',
    '[',
    ']',
    '"',
    ',',
    ':',
  ],
  mutations: [nest('[', ']'), nest('{"data":', '}')],
  everydayInputs: 800,
  open: open('json'),
};

export const yamlConfigTarget: FuzzTarget = {
  ...common,
  name: 'config-yaml',
  about: 'configs in YAML',
  seeds: () => [
    Buffer.from(YAML_CONFIG),
    Buffer.from(JSON.stringify(JSON_CONFIG)),
    Buffer.from('name: run\n'),
  ],
  tokens: [
    '&a ',
    '*a',
    '*backbone',
    '<<: ',
    '!!binary ',
    '!!set ',
    '!!omap ',
    '? ',
    '- ',
    ': ',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
  ].concat([
    '.nan',
    '.inf',
    '~',
    '|\n',
    '>\n',
    '__proto__: ',
    '"',
    "'",
    '#',
    '\t',
    '2001-01-01',
    '0x10',
    '&a [*a, *a]\n',
  ]),
  mutations: [nest('[', ']'), nest('- ', '\n'), nest('{a: ', '}')],
  everydayInputs: 400,
  open: open('yaml'),
};
