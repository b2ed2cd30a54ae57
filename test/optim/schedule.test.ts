import assert from 'node:assert/strict';
import { createSchedule } from '../../lib/optim/schedule';

function assertNear(actual: number, expected: number): void {
  assert.ok(
    Math.abs(actual - expected) <= 1e-15 + 1e-12 * Math.abs(expected),
    `${actual} is not ${expected}`,
  );
}

describe('schedule', () => {
  const run = { epochs: 10, stepsPerEpoch: 100, baseLr: 0.1 };

  it('steps down exactly where the milestone epochs begin', () => {
    const lr = createSchedule({ kind: 'step', warmupEpochs: 0, milestones: [4, 7], factor: 0.1 }, run);
    assert.equal(lr(0), 0.1);
    assert.equal(lr(399), 0.1);
    assertNear(lr(400), 0.01);
    assertNear(lr(699), 0.01);
    assertNear(lr(700), 0.001);
    assertNear(lr(999), 0.001);
  });

  it('keeps the full rate without milestones', () => {
    const lr = createSchedule({ kind: 'step', warmupEpochs: 0, milestones: [], factor: 0.1 }, run);
    assert.equal(lr(0), 0.1);
    assert.equal(lr(5000), 0.1);
  });

  it('warms up in equal steps that end at the full rate', () => {
    const lr = createSchedule({ kind: 'step', warmupEpochs: 2, milestones: [4], factor: 0.5 }, run);
    assertNear(lr(0), 0.0005);
    assertNear(lr(99), 0.05);
    assert.equal(lr(199), 0.1);
    assert.equal(lr(200), 0.1);
    assert.equal(lr(399), 0.1);
    assertNear(lr(400), 0.05);
  });

  it('decays as a power of what is left', () => {
    const lr = createSchedule({ kind: 'polynomial', warmupEpochs: 0, power: 2 }, run);
    assert.equal(lr(0), 0.1);
    assertNear(lr(500), 0.025);
    assertNear(lr(900), 0.001);
    assertNear(lr(999), 1e-7);
    assert.equal(lr(1000), 0);
    assert.equal(lr(1001), 0);
  });

  it('decays over the steps after the warm-up', () => {
    const lr = createSchedule({ kind: 'polynomial', warmupEpochs: 2, power: 1 }, run);
    assertNear(lr(49), 0.025);
    assert.equal(lr(199), 0.1);
    assert.equal(lr(200), 0.1);
    assertNear(lr(600), 0.05);
    assertNear(lr(800), 0.025);
    assert.equal(lr(1000), 0);
  });

  it('takes parts of an epoch as a warm-up', () => {
    const lr = createSchedule({ kind: 'step', warmupEpochs: 0.05, milestones: [], factor: 0.1 }, run);
    [0.02, 0.04, 0.06, 0.08, 0.1, 0.1].forEach((expected, step) => assertNear(lr(step), expected));
  });

  it('refuses what is no step or no run', () => {
    const schedule = { kind: 'step', warmupEpochs: 0, milestones: [], factor: 0.1 } as const;
    const config = { ...schedule, milestones: [] };
    assert.throws(() => createSchedule(config, run)(-1), { code: 'ERR_ARGUMENT' });
    assert.throws(() => createSchedule(config, run)(0.5), { code: 'ERR_ARGUMENT' });
    assert.throws(() => createSchedule(config, { ...run, stepsPerEpoch: 0 }), { code: 'ERR_ARGUMENT' });
    assert.throws(() => createSchedule(config, { ...run, epochs: 0.5 }), { code: 'ERR_ARGUMENT' });
    assert.throws(() => createSchedule(config, { ...run, baseLr: NaN }), { code: 'ERR_ARGUMENT' });
  });
});
