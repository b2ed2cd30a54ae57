import assert from 'node:assert/strict';
import { deriveConfig, resolveConfig, type Config } from '../../lib/config';
import { resolveAugmentOptions } from '../../lib/data/augment';
import { KappaError } from '../../lib/errors';

const minimal: Config = { name: 'test', data: { synthetic: {} } };

/** The lines of the problems that resolving a config gives, without the first line. */
function problems(config: unknown): string[] {
  try {
    resolveConfig(config, 'c.ts');
  } catch (error) {
    assert.ok(error instanceof KappaError);
    assert.equal(error.code, 'ERR_CONFIG');
    const [first, ...lines] = error.message.split('\n');
    assert.match(first ?? '', /^The config c\.ts has (one problem|\d+ problems):$/);
    return lines.map((line) => line.trim());
  }
  return [];
}

describe('config', () => {
  it('fills in the official hyper-parameters', () => {
    const { seed, output, head, optimizer, train, data, backbone, schedule } = resolveConfig(minimal);
    assert.deepEqual({ seed, output }, { seed: 42, output: 'runs' });
    assert.deepEqual(head, {
      kind: 'kappaface',
      scale: 64,
      margin: 0.8,
      beyondPi: 'extend',
      temperature: 0.4,
      gamma: 0.7,
      convention: 'official',
      debias: false,
      initialMarginScale: 1,
      blendEpochs: 0,
      concentration: { kind: 'momentum', momentum: 0.9 },
      precision: 'auto',
      fusedUpdate: true,
      sampleRate: 1,
      rows: 'sampled',
      interclassFilteringThreshold: 1,
      memoryBudget: 'auto',
    });
    assert.deepEqual(optimizer, {
      kind: 'sgd',
      lr: 0.1,
      referenceBatchSize: 512,
      momentum: 0.9,
      weightDecay: 5e-4,
      nesterov: false,
      clipNorm: 5,
    });
    assert.deepEqual(schedule, { kind: 'step', warmupEpochs: 0, milestones: [], factor: 0.1 });
    assert.equal(train.batchSize, 128);
    assert.equal(backbone.precision, 'auto');
    assert.deepEqual(data.validation, ['lfw', 'cfp_fp', 'agedb_30']);
  });

  it("takes each head's own margin unless one is given", () => {
    const marginOf = (head: Config['head']): number => resolveConfig({ ...minimal, head }).head.margin;
    assert.equal(marginOf({ kind: 'kappaface' }), 0.8);
    assert.equal(marginOf({ kind: 'arcface' }), 0.5);
    assert.equal(marginOf({ kind: 'cosface' }), 0.35);
    assert.equal(marginOf({ kind: 'arcface', margin: 0.3 }), 0.3);
    assert.equal(marginOf({ kind: 'kappaface', margin: null }), 0.8);
  });

  it('resolves a resolved config to itself', () => {
    const resolved = resolveConfig(minimal);
    assert.deepEqual(resolveConfig(JSON.parse(JSON.stringify(resolved))), resolved);
  });

  it('reports every problem at once, with its path, what was expected and what was received', () => {
    const config = {
      name: 'a/b',
      data: { validation: ['lfw', 'lfw'] },
      backbone: { depth: 19 },
      head: { kind: 'arcfase', gamma: 1.5, concentration: { kind: 'memory', alpha: 0 } },
      schedule: { milestones: [8, 4] },
      train: { epohs: 3, batchSize: 1, accumulate: '2' },
      runtime: { threads: 0 },
    };
    assert.deepEqual(problems(config).sort(), [
      'backbone.depth: expected one of 18, 34, 50, 100, 200, but received number 19.',
      'data.validation: "lfw" stands there twice.',
      'data: expected data.root (the folder of a data set) or data.synthetic (the embedded face set), but both are null.',
      'head.concentration.alpha: expected a number, above 0 and at most 1, but received number 0.',
      'head.gamma: expected a number, at least 0 and at most 1, but received number 1.5.',
      'head.kind: expected one of "kappaface", "arcface", "cosface", "combined", but received the string "arcfase". Did you mean "arcface"?',
      'name: expected a name of letters, digits, "_", "-" and ".", but received the string "a/b".',
      'runtime.threads: expected "auto" or a whole number, at least 1, but received number 0.',
      'schedule.milestones: expected epochs in ascending order, but received [8, 4].',
      'train.accumulate: expected a whole number, at least 1, but received the string "2".',
      'train.batchSize: expected a whole number, at least 2, but received number 1.',
      'train.epohs: there is no such option. Did you mean train.epochs?',
    ]);
  });

  it('says where an option belongs that stands in the wrong place', () => {
    assert.deepEqual(problems({ ...minimal, epochs: 3 }), [
      'epochs: there is no such option. Did you mean train.epochs?',
    ]);
    const [line] = problems({ ...minimal, train: { xyzzy: 3 } });
    assert.match(line ?? '', /^train\.xyzzy: there is no such option\. Known here: epochs, batchSize, /);
  });

  it('knows the options of each variant of a section', () => {
    assert.deepEqual(problems({ ...minimal, head: { concentration: { kind: 'memory', momentum: 0.5 } } }), [
      'head.concentration.momentum: there is no such option where head.concentration.kind is "memory": it belongs to "momentum".',
    ]);
    assert.deepEqual(problems({ ...minimal, head: { concentration: { kind: 'memroy' } } }), [
      'head.concentration.kind: expected one of "momentum", "memory", but received the string "memroy". Did you mean "memory"?',
    ]);
    assert.deepEqual(problems({ ...minimal, schedule: { kind: 'polynomial', milestones: [3] } }), [
      'schedule.milestones: there is no such option where schedule.kind is "polynomial": it belongs to "step".',
    ]);
  });

  it('refuses an option of another kind, and says which kind has it', () => {
    assert.deepEqual(problems({ ...minimal, head: { kind: 'arcface', temperature: 0.4 } }), [
      'head.temperature: there is no such option where head.kind is "arcface": it belongs to "kappaface".',
    ]);
    assert.deepEqual(problems({ ...minimal, head: { cosineMargin: 0.1 } }), [
      'head.cosineMargin: there is no such option where head.kind is "kappaface": it belongs to "combined".',
    ]);
    assert.deepEqual(problems({ ...minimal, optimizer: { kind: 'sdg', lr: 0 } }), [
      'optimizer.kind: expected "sgd", but received the string "sdg". Did you mean "sgd"?',
      'optimizer.lr: expected a number, above 0, but received number 0.',
    ]);
  });

  it('says what is wrong between two options', () => {
    assert.deepEqual(problems({ ...minimal, head: { sampleRate: 0.1, fusedUpdate: false } }), [
      'head.fusedUpdate: expected true where sampleRate is below 1, but received boolean false.',
    ]);
  });

  it('takes bf16 for bfloat16', () => {
    const { backbone, head } = resolveConfig({
      ...minimal,
      backbone: { precision: 'bf16' },
      head: { precision: 'bf16' },
    });
    assert.deepEqual([backbone.precision, head.precision], ['bfloat16', 'bfloat16']);
  });

  it('refuses numbers that are not finite, holes and values of other types', () => {
    assert.deepEqual(problems({ ...minimal, optimizer: { lr: NaN } }), [
      'optimizer.lr: expected a number, above 0, but received NaN.',
    ]);
    assert.deepEqual(problems({ ...minimal, optimizer: { lr: Infinity } }), [
      'optimizer.lr: expected a number, above 0, but received Infinity.',
    ]);
    assert.deepEqual(problems({ ...minimal, train: null }), [
      'train: expected a section, but received null.',
    ]);
    assert.deepEqual(problems({ ...minimal, schedule: { milestones: [3, 4.5] } }), [
      'schedule.milestones[1]: expected a whole number, at least 1, but received number 4.5.',
    ]);
    assert.deepEqual(problems({ data: { synthetic: {} } }), [
      'name: expected a name of letters, digits, "_", "-" and ".", but received nothing.',
    ]);
    assert.equal(problems('text').length, 1);
    assert.equal(problems({ ...minimal, data: { synthetic: { pairs: 30 } } }).length, 1);
  });

  it('takes one training set, or several with weights', () => {
    const of = (data: Config['data']): string[] => problems({ name: 'test', data });
    const { data } = resolveConfig({
      name: 'test',
      data: { sources: [{ root: '/a' }, { list: '/b.lst', weight: 0.5, identities: ['ann', 'bob'] }] },
    });
    assert.deepEqual(data.sources, [
      { root: '/a', weight: 1, labels: 'separate' },
      { list: '/b.lst', weight: 0.5, labels: 'separate', identities: ['ann', 'bob'] },
    ]);
    assert.equal(data.shuffle, 'full');
    assert.match(of({ root: '/a', sources: [{ root: '/b' }] }).join(), /^data\.sources: expected either/);
    assert.match(
      of({ sources: [{ weight: 2 }] }).join(),
      /^data\.sources: expected root or list .* number 0/,
    );
    assert.match(
      of({ sources: [{ root: '/a', weight: 0 }] }).join(),
      /^data\.sources\[0\]\.weight: .* above 0/,
    );
    assert.match(
      of({ sources: [{ root: '/a', wieght: 2 } as object] }).join(),
      /^data\.sources\[0\]\.wieght: .*Did you mean data\.sources\[0\]\.weight\?/,
    );
    assert.match(of({ synthetic: {}, skipList: 'bad.txt' }).join(), /^data\.skipList: expected data\.root/);
    assert.match(of({ root: '/a', shuffle: 'blok' as 'block' }).join(), /^data\.shuffle: .*"block"/);
  });

  it('augments nothing by default, and takes ranges as [low, high] within their limits', () => {
    const { augment } = resolveConfig(minimal).data;
    assert.ok(Object.values(augment).every(({ probability }) => probability === 0));
    assert.deepEqual(resolveAugmentOptions(augment), augment);
    const of = (changes: object): string[] =>
      problems({ ...minimal, data: { synthetic: {}, augment: changes } });
    assert.deepEqual(of({ jpeg: { quality: [90, 30] }, gaussianBlur: { sigma: [0, 8] } }), [
      'data.augment.jpeg.quality: expected [low, high], but received the list [90, 30].',
    ]);
    assert.deepEqual(of({ jpeg: { quality: 30 } }), [
      'data.augment.jpeg.quality: expected a list of 2, each a number, at least 1 and at most 100, but received number 30.',
    ]);
    assert.match(
      of({ jpeg: { quality: [30] } }).join(),
      /^data\.augment\.jpeg\.quality: expected a list of 2/,
    );
    assert.deepEqual(of({ crop: { area: [0, 1] } }), [
      'data.augment.crop.area[0]: expected a number, at least 0.01 and at most 1, but received number 0.',
    ]);
    assert.deepEqual(of({ crop: { probability: 2 } }), [
      'data.augment.crop.probability: expected a number, at least 0 and at most 1, but received number 2.',
    ]);
    assert.match(of({ gausianBlur: {} }).join(), /Did you mean data\.augment\.gaussianBlur\?/);
  });

  it('is valid only as a whole', () => {
    const train = { epochs: 10 };
    const of = (changes: Partial<Config>): string => problems({ ...minimal, train, ...changes }).join('|');
    assert.match(
      of({ schedule: { milestones: [4, 10] } }),
      /^schedule\.milestones: expected epochs below train\.epochs \(10\)/,
    );
    assert.match(
      of({ schedule: { milestones: [4, 4] } }),
      /^schedule\.milestones: expected epochs in ascending order/,
    );
    assert.match(
      of({ schedule: { milestones: [2], warmupEpochs: 3 } }),
      /^schedule\.milestones: .* after the warm-up/,
    );
    assert.match(of({ schedule: { warmupEpochs: 10 } }), /^schedule\.warmupEpochs: expected fewer than/);
    assert.match(of({ head: { blendEpochs: 11 } }), /^head\.blendEpochs: expected at most train\.epochs/);
    assert.match(
      of({ head: { kind: 'cosface', margin: 1.2 } }),
      /^head\.margin: expected a number, at least 0 and below 1, .* received number 1\.2/,
    );
    assert.match(
      of({ backbone: { widthMultiplier: 0.3 } }),
      /^backbone\.widthMultiplier: 64 channels times 0\.3/,
    );
    assert.match(of({ data: {} }), /^data: expected data\.root/);
    assert.match(
      of({ data: { root: 'x', validation: ['lfw.bin'] } }),
      /^data\.validation: .*without the extension/,
    );
    assert.equal(of({ schedule: { milestones: [4, 9] }, data: { root: 'x' } }), '');
  });
});

describe('deriving a config', () => {
  const base: Config = {
    name: 'base',
    data: { root: 'a', validation: ['lfw', 'cfp_fp'] },
    head: { scale: 32, concentration: { kind: 'momentum', momentum: 0.99 } },
    schedule: { kind: 'step', milestones: [1, 2], warmupEpochs: 1 },
  };

  it('changes sections in part and lists as a whole, and leaves the base alone', () => {
    const before = structuredClone(base);
    const derived = deriveConfig(base, {
      name: 'derived',
      data: { validation: ['lfw'] },
      head: { gamma: 0.5 },
      seed: undefined,
    });
    assert.deepEqual(derived, {
      name: 'derived',
      data: { root: 'a', validation: ['lfw'] },
      head: { scale: 32, gamma: 0.5, concentration: { kind: 'momentum', momentum: 0.99 } },
      schedule: { kind: 'step', milestones: [1, 2], warmupEpochs: 1 },
    });
    assert.deepEqual(base, before);
  });

  it('leaves behind what another kind of section does not have', () => {
    const derived = deriveConfig(base, {
      head: { concentration: { kind: 'memory' } },
      schedule: { kind: 'polynomial', power: 3 },
    });
    assert.deepEqual(derived.head, { scale: 32, concentration: { kind: 'memory' } });
    assert.deepEqual(derived.schedule, { kind: 'polynomial', power: 3, warmupEpochs: 1 });
    assert.equal(resolveConfig(derived).head.scale, 32);
  });

  it('keeps the settings of a section whose kind stays', () => {
    const derived = deriveConfig(base, { schedule: { kind: 'step', factor: 0.5 } });
    assert.deepEqual(derived.schedule, { kind: 'step', milestones: [1, 2], warmupEpochs: 1, factor: 0.5 });
  });
});
