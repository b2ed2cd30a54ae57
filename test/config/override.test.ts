import assert from 'node:assert/strict';
import { applyOverrides, resolveConfig, type ResolvedConfig } from '../../lib/config';

function resolved(...overrides: string[]): ResolvedConfig {
  return resolveConfig(applyOverrides({ name: 'test', data: { synthetic: {} } }, overrides));
}

/** The head of a config whose kind of head is the default one. */
function kappaface(...overrides: string[]) {
  const { head } = resolved(...overrides);
  assert.ok(head.kind === 'kappaface');
  return head;
}

describe('overrides', () => {
  it('set numbers, switches, null, text and lists', () => {
    assert.equal(resolved('train.epochs=7').train.epochs, 7);
    assert.equal(resolved('optimizer.weightDecay=1e-4').optimizer.weightDecay, 1e-4);
    assert.equal(kappaface('head.debias=true').debias, true);
    assert.equal(resolved('train.validateEvery=100', 'train.validateEvery=null').train.validateEvery, null);
    assert.equal(resolved('head.kind=arcface').head.kind, 'arcface');
    assert.deepEqual(resolved('data.validation=[lfw, agedb_30]').data.validation, ['lfw', 'agedb_30']);
    assert.deepEqual(resolved('schedule.milestones=[3, 5]').schedule, {
      kind: 'step',
      warmupEpochs: 0,
      milestones: [3, 5],
      factor: 0.1,
    });
    assert.equal(resolved('data.workers=auto').data.workers, 'auto');
    assert.equal(resolved('data.workers=3').data.workers, 3);
  });

  it('keep text as it stands where an option is text', () => {
    assert.equal(resolved('data.root=2024').data.root, '2024');
    assert.equal(resolved('data.root=../shared/a=b: c #1').data.root, '../shared/a=b: c #1');
    assert.equal(resolved('name=true').name, 'true');
    assert.equal(resolved('output="my runs"').output, 'my runs');
    assert.equal(resolved('data.root=x', 'data.root=null').data.root, null);
  });

  it('set whole sections, and options of sections that were null', () => {
    assert.equal(resolved('data.synthetic={identities: 30}').data.synthetic?.identities, 30);
    const config = applyOverrides({ name: 'test', data: { synthetic: null } }, ['data.synthetic.seed=9']);
    assert.equal(resolveConfig(config).data.synthetic?.seed, 9);
  });

  it('change the kind of a section in any order with its options', () => {
    const memory = { kind: 'memory', alpha: 0.5, storage: 'float32' };
    const kind = 'head.concentration.kind=memory';
    assert.deepEqual(
      kappaface('head.concentration.momentum=0.99', kind, 'head.concentration.alpha=0.5').concentration,
      memory,
    );
    assert.throws(() => resolved('head.concentration.alpha=0.5'), {
      code: 'ERR_CONFIG',
      message:
        /head\.concentration\.alpha: there is no such option where head\.concentration\.kind is "momentum": it belongs to "memory"/,
    });
  });

  it('leave the config alone that they are applied to', () => {
    const config = { name: 'test', train: { epochs: 3 } };
    applyOverrides(config, ['train.epochs=4', 'seed=1']);
    assert.deepEqual(config, { name: 'test', train: { epochs: 3 } });
  });

  it('name every unknown path at once, with suggestions', () => {
    assert.throws(() => resolved('train.epohs=3', 'trian.epochs=3', 'epochs=3', 'seed=1'), {
      code: 'ERR_CONFIG',
      message: [
        'The config with its overrides has 3 problems:',
        '  train.epohs: there is no such option. Did you mean train.epochs?',
        '  trian: there is no such option. Did you mean train?',
        '  epochs: there is no such option. Did you mean train.epochs?',
      ].join('\n'),
    });
  });

  it('do not reach into lists, values or prototypes', () => {
    for (const text of ['schedule.milestones.0=1', 'train.epochs.x=1'])
      assert.throws(() => resolved(text), { code: 'ERR_CONFIG', message: /has nothing below it/ });
    for (const text of ['__proto__.polluted=1', 'constructor.x=1', 'train.__proto__.x=1', 'train..epochs=1'])
      assert.throws(() => resolved(text), { code: 'ERR_CONFIG', message: /there is no such option/ });
    assert.equal(({} as { polluted?: number }).polluted, undefined);
    assert.throws(() => resolved('train={"__proto__": {"epochs": 3}}'), { code: 'ERR_CONFIG' });
  });

  it('must be path=value, with a value that can be read', () => {
    for (const text of ['seed', '=3', ' =3']) assert.throws(() => resolved(text), { code: 'ERR_USAGE' });
    assert.throws(() => resolved('schedule.milestones=[1, 2'), {
      code: 'ERR_CONFIG',
      message: /schedule\.milestones: the value "\[1, 2" cannot be read/,
    });
  });

  it('are validated like the config itself', () => {
    assert.throws(() => resolved('train.epochs=0'), {
      code: 'ERR_CONFIG',
      message: /train\.epochs: expected a whole/,
    });
    assert.throws(() => resolved('train.epochs='), { code: 'ERR_CONFIG', message: /received null/ });
  });
});
