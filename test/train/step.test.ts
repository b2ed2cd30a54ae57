import assert from 'node:assert/strict';

import { Tensor, manualSeed } from '../../lib';
import type { Batch, GradScaler, KappaFaceHead, Precision } from '../../lib';
import { native } from '../../lib/native/load';
import { makeModel } from '../../lib/train/model';
import type { Model } from '../../lib/train/model';
import { trainStep } from '../../lib/train/step';
import { closeRelative } from '../support/assert';
import { replaced } from '../support/replace';
import { tinyConfig } from '../support/tiny-run';

/** What asks a device for numbers, and so waits for it. */
const waiting = ['item', 'toHost', 'equal', 'allClose', 'maskedSelect', 'readNumbers'] as const;
type Waiting = (typeof waiting)[number];

/** Batches of random pixels with the samples from `from` up to `to`. */
function batch(from: number, to: number): Batch {
  const size = to - from;
  const samples = Array.from({ length: size }, (_, i) => from + i);
  const pixelsOf = (sample: number): number[] =>
    Array.from({ length: 112 * 112 * 3 }, (_, i) => (sample * 37 + ((i * i) >> 4)) % 256);
  return {
    images: Uint8Array.from(samples.flatMap(pixelsOf)),
    labels: Int32Array.from(samples, (sample) => sample % 3),
    sampleIndex: Int32Array.from(samples),
    flips: Uint8Array.from(samples, (sample) => sample % 2),
    size,
    index: 0,
    release: () => undefined,
  };
}

async function model(
  kind: 'memory' | 'momentum',
  precision: Precision = 'float32',
  fusedUpdate = true,
): Promise<Model> {
  await manualSeed(9);
  const config = tinyConfig('x', 'x', { head: { concentration: { kind }, fusedUpdate } });
  config.backbone.dropout = 0;
  config.backbone.precision = precision;
  return makeModel(config, [3, 3, 3]);
}

async function values(model: Model): Promise<number[]> {
  const tensors = [...model.backbone.parameters(), ...model.head.parameters()];
  return (await Promise.all(tensors.map((tensor) => tensor.toArray()))).flat();
}

describe('a training step', function () {
  this.timeout(120_000);
  const options = { lr: 0.1, clipNorm: 5 };

  it('over several batches equals the step over one large batch', async () => {
    // Batch statistics are those of each forward pass, so they are taken out of the comparison.
    const [whole, pieces] = [await model('memory'), await model('memory')];
    whole.backbone.eval();
    pieces.backbone.eval();
    for (let step = 0; step < 2; step++) {
      const a = await trainStep(whole, [batch(0, 9)], options);
      const b = await trainStep(pieces, [batch(0, 2), batch(2, 5), batch(5, 9)], options);
      closeRelative([b.loss, b.gradNorm, b.targetCosine], [a.loss, a.gradNorm, a.targetCosine], 1e-4);
    }
    closeRelative(await values(pieces), await values(whole), 1e-4);
    const memory = (m: Model): Promise<number[]> => (m.head as KappaFaceHead).concentration.sums.toArray();
    closeRelative(await memory(pieces), await memory(whole), 1e-4);
  });

  it('in float16 nearly equals the step in float32, the factor on the loss taken out again', async () => {
    const [exact, half] = [await model('memory'), await model('memory', 'float16')];
    assert.equal(exact.scaler, undefined);
    const scaler = half.scaler as GradScaler;
    for (let step = 0; step < 2; step++) {
      const a = await trainStep(exact, [batch(0, 9)], options);
      let b = await trainStep(half, [batch(0, 9)], options);
      // The factor begins high: where gradients overflow the step is left out and the factor halved.
      for (let factor = scaler.factor; !b.updated; factor = scaler.factor) {
        assert.ok(Number.isNaN(b.gradNorm) && factor >= 1);
        b = await trainStep(half, [batch(0, 9)], options);
        if (!b.updated) assert.equal(scaler.factor, factor / 2);
      }
      closeRelative([b.loss, b.gradNorm], [a.loss, a.gradNorm], 3e-2);
    }
    assert.ok(scaler.stateDict().goodSteps >= 1 && scaler.factor < 65536);
  });

  for (const [precision, fusedUpdate] of [
    ['float32', true],
    ['float32', false],
    ['float16', true],
  ] as const)
    it(`waits for the device once, at its end (${precision}${fusedUpdate ? ', fused' : ''})`, async () => {
      const m = await model('memory', precision, fusedUpdate);
      const addon = native();
      const waits: string[] = [];
      const counted = async (names: readonly Waiting[], body: () => Promise<unknown>): Promise<void> => {
        const [name, ...others] = names;
        if (name === undefined) return void (await body());
        const original = addon[name] as (...args: unknown[]) => unknown;
        const stand = (...args: unknown[]): unknown => {
          waits.push(name);
          return original.apply(addon, args);
        };
        await replaced(addon, name, stand as never, () => counted(others, body));
      };
      await counted(waiting, () => trainStep(m, [batch(0, 4), batch(4, 8)], options));
      assert.deepEqual(waits, ['readNumbers']);
    });

  it('changes nothing where one of its batches has a loss that is not finite', async () => {
    const m = await model('memory');
    await trainStep(m, [batch(0, 6)], options);
    const before = await values(m);
    const statistics = (m.backbone.stateDict().get('bn1.running_mean') as Tensor).clone();
    // Without dropout and with one class poisoned, only the batch that has the class fails.
    await m.head.margins.copyFrom(await Tensor.from([NaN, 0.5, 0.5]));
    const only = (label: number): Batch => ({
      ...batch(0, 4),
      labels: new Int32Array(4).fill(label),
      sampleIndex: Int32Array.from([0, 1, 0, 1], (i) => label + 3 * i),
    });
    const result = await trainStep(m, [only(1), only(0), only(2)], options);
    assert.ok(!result.updated && Number.isNaN(result.loss) && Number.isNaN(result.gradNorm));
    assert.deepEqual(await values(m), before);
    assert.deepEqual(
      await (m.backbone.stateDict().get('bn1.running_mean') as Tensor).toArray(),
      await statistics.toArray(),
    );
    for (const parameter of m.backbone.parameters()) assert.equal(await parameter.grad(), null);
    assert.ok((await trainStep(m, [only(1), only(2)], options)).updated);
  });

  for (const where of ['loss', 'gradient'] as const) {
    it(`changes nothing where the ${where} is not finite`, async () => {
      const m = await model('momentum');
      await trainStep(m, [batch(0, 6)], options);
      const everything = async (): Promise<Map<string, number[]>> => {
        const state = [...m.backbone.stateDict(), ...m.head.stateDict(), ...m.optimizer.stateDict()];
        return new Map(
          await Promise.all(state.map(async ([name, t]) => [name, await t.toArray()] as [string, number[]])),
        );
      };
      if (where === 'loss') await (m.backbone.stateDict().get('fc.bias') as Tensor).fill(NaN);
      else await (await (await (m.backbone.parameters()[0] as Tensor).mul(NaN)).sum()).backward();
      const before = await everything();
      const result = await trainStep(m, [batch(0, 6)], options);
      assert.equal(result.updated, false);
      assert.equal(Number.isFinite(result.loss), where === 'gradient');
      assert.ok(Number.isNaN(result.gradNorm));
      const after = await everything();
      for (const [name, values] of before) assert.deepEqual(after.get(name), values, name);
    });
  }
});
