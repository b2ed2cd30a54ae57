import assert from 'node:assert/strict';
import sharp from 'sharp';

import type { VerificationSet } from '../../lib';
import { examineInput } from '../../lib/eval/doctor/doctor';
import { INPUT_VARIANTS, move, swapChannels } from '../../lib/eval/doctor/input-variants';
import { comparePairedAuc } from '../../lib/eval/metrics/paired-auc';
import type { Backbone } from '../../lib/nn/backbone';
import { Xoshiro128 } from '../../lib/random';
import type { Tensor } from '../../lib/tensor/tensor';
import { rejects, throws } from '../support/assert';

const SIZE = 16;
const CELLS = 4;
const SIDE = SIZE / CELLS;

/** Looks at the red of 4 x 4 cells only, where it expects them; each is the mean over its middle. */
function redBackbone(): Backbone {
  const forward = async (images: Tensor): Promise<Tensor> => {
    const batch = images.shape[0]!;
    const red = await images.select(1, 0);
    const cells = await (await red.contiguous()).reshape([batch, CELLS, SIDE, CELLS, SIDE]);
    const middle = cells.slice(2, 1, 3).slice(4, 1, 3);
    return middle.mean([2, 4]).reshape([batch, CELLS * CELLS]);
  };
  const options = { embeddingSize: CELLS * CELLS, imageSize: SIZE, device: 'cpu' };
  return {
    options,
    training: false,
    eval: () => undefined,
    train: () => undefined,
    forward,
  } as unknown as Backbone;
}

/** People are a pattern of red cells, the same from left to right as from right to left; green and blue are noise. */
async function makeSet(
  change: (pixels: Uint8Array) => void = () => undefined,
  pairs = 120,
): Promise<VerificationSet> {
  const random = Xoshiro128.fromSeed(11);
  const person = (): number[] => {
    const half = Array.from({ length: CELLS * 2 }, () => 60 + random.below(120));
    return Array.from({ length: CELLS * CELLS }, (_, i) => {
      const [row, column] = [Math.floor(i / CELLS), i % CELLS];
      return half[row * 2 + Math.min(column, CELLS - 1 - column)]!;
    });
  };
  const picture = async (cells: readonly number[]): Promise<Buffer> => {
    const pixels = new Uint8Array(SIZE * SIZE * 3);
    const noise = cells.map(() => [random.below(110) - 55, random.below(120), random.below(60)]);
    for (let y = 0; y < SIZE; y++)
      for (let x = 0; x < SIZE; x++) {
        const cell = Math.floor(y / SIDE) * CELLS + Math.floor(x / SIDE);
        const [red, green, blue] = noise[cell]!;
        pixels.set([cells[cell]! + red!, 60 + green!, 20 + blue!], 3 * (y * SIZE + x));
      }
    change(pixels);
    return sharp(pixels, { raw: { width: SIZE, height: SIZE, channels: 3 } })
      .png()
      .toBuffer();
  };
  const images: Buffer[] = [];
  const isSame: boolean[] = [];
  for (let i = 0; i < pairs; i++) {
    const first = person();
    isSame.push(i % 2 === 0);
    images.push(await picture(first), await picture(i % 2 === 0 ? first : person()));
  }
  return { name: 'planted', images, isSame };
}

describe('the doctor of inputs', function () {
  this.timeout(60_000);

  it('finds nothing where images are as the network expects', async () => {
    const { raising, variants, pairs, genuine, colours } = await examineInput(
      redBackbone(),
      await makeSet(),
      {
        pairs: 100,
        batchSize: 32,
      },
    );
    assert.deepEqual(raising, []);
    assert.deepEqual([pairs, genuine], [100, 50]);
    assert.equal(variants[0]!.verdict, 'as-is');
    assert.equal(variants.length, 1 + INPUT_VARIANTS.length);
    assert.equal(variants.find(({ id }) => id === 'bgr')!.verdict, 'lowers');
    assert.equal(colours.seemExchanged, false);
    assert.ok(colours.red > colours.blue && colours.redder! > 0.9);
  });

  it('finds exchanged channels that were planted', async () => {
    const { raising, variants, colours } = await examineInput(redBackbone(), await makeSet(swapChannels));
    assert.equal(raising[0]!.id, 'bgr');
    assert.match(raising[0]!.label, /swapRB/);
    assert.match(raising[0]!.hint!, /BGR/);
    assert.ok(raising[0]!.auc > variants[0]!.auc + 0.1);
    assert.equal(colours.seemExchanged, true);
  });

  it('finds faces that lie elsewhere', async () => {
    const aside = (pixels: Uint8Array): void => {
      for (let i = 0; i < 2; i++) move(pixels, SIZE, { scale: 1, x: 0, y: 1 });
    };
    const { raising } = await examineInput(redBackbone(), await makeSet(aside, 400));
    assert.ok(
      raising.some(({ id }) => id === 'shift-top'),
      JSON.stringify(raising),
    );
    assert.ok(raising.every(({ id }) => id !== 'shift-bottom'));
    assert.match(raising.find(({ id }) => id === 'shift-top')!.hint!, /lie too far down/);
  });

  it('draws the same pairs for the same seed, refuses too few, and can be cancelled', async () => {
    const set = await makeSet();
    const aucs = async (seed: number): Promise<number[]> =>
      (await examineInput(redBackbone(), set, { pairs: 60, seed })).variants.map(({ auc }) => auc);
    assert.deepEqual(await aucs(1), await aucs(1));
    assert.notDeepEqual(await aucs(1), await aucs(2));
    const few = { ...set, images: set.images.slice(0, 30), isSame: set.isSame.slice(0, 15) };
    await rejects(examineInput(redBackbone(), few), 'ERR_ARGUMENT', /received 8 and 7/);
    const signal = AbortSignal.abort();
    await rejects(examineInput(redBackbone(), set, { signal }), 'ERR_CANCELLED');
  });

  it('moves images bilinearly, with their edge going on', () => {
    const ramp = (): Uint8Array =>
      Uint8Array.from({ length: 5 * 5 * 3 }, (_, i) => 10 * (Math.floor(i / 3) % 5));
    const row = (pixels: Uint8Array): number[] => Array.from({ length: 5 }, (_, x) => pixels[3 * (10 + x)]!);
    const moved = (to: Parameters<typeof move>[2]): number[] => {
      const pixels = ramp();
      move(pixels, 5, to);
      return row(pixels);
    };
    assert.deepEqual(moved({ scale: 1, x: 1, y: 0 }), [0, 0, 10, 20, 30]);
    assert.deepEqual(moved({ scale: 1, x: -1, y: 2 }), [10, 20, 30, 40, 40]);
    assert.deepEqual(moved({ scale: 2, x: 0, y: 0 }), [10, 15, 20, 25, 30]);
    assert.deepEqual(moved({ scale: 0.5, x: 0, y: 0 }), [0, 0, 20, 40, 40]);
  });
});

describe('two areas under the curve of the same pairs', () => {
  it('are compared as the definition says, pair by pair', () => {
    const random = Xoshiro128.fromSeed(4);
    const isSame = Array.from({ length: 60 }, (_, i) => i % 3 !== 0);
    const draw = (gap: number): Float64Array =>
      Float64Array.from(isSame, (same) => (same ? 0 : gap) + Math.round(random.uniform() * 20) / 20);
    const [a, b] = [draw(0.1), draw(0.9)];
    const kernel = (x: number, y: number): number => (x < y ? 1 : x === y ? 0.5 : 0);
    const of = (values: Float64Array, kind: boolean): number[] =>
      [...values].filter((_, i) => isSame[i] === kind);
    const parts = ([a, b] as const).map((values) => {
      const [genuine, impostor] = [of(values, true), of(values, false)];
      const mean = (all: number[]): number => all.reduce((sum, value) => sum + value, 0) / all.length;
      return {
        v10: genuine.map((x) => mean(impostor.map((y) => kernel(x, y)))),
        v01: impostor.map((y) => mean(genuine.map((x) => kernel(x, y)))),
        auc: mean(genuine.flatMap((x) => impostor.map((y) => kernel(x, y)))),
      };
    });
    const covariance = (x: number[], y: number[]): number => {
      const mean = (all: number[]): number => all.reduce((sum, value) => sum + value, 0) / all.length;
      return x.reduce((sum, value, i) => sum + (value - mean(x)) * (y[i]! - mean(y)), 0) / (x.length - 1);
    };
    const [p, q] = parts as [(typeof parts)[0], (typeof parts)[0]];
    const part = (x: number[], y: number[]): number =>
      (covariance(x, x) + covariance(y, y) - 2 * covariance(x, y)) / x.length;
    const error = Math.sqrt(part(p.v10, q.v10) + part(p.v01, q.v01));
    const { first, second, z } = comparePairedAuc(a, b, isSame);
    assert.ok(Math.abs(first - p.auc) < 1e-12 && Math.abs(second - q.auc) < 1e-12);
    assert.ok(Math.abs(z - (q.auc - p.auc) / error) < 1e-9);
    assert.ok(z > 2, `z ${z}`);
    assert.equal(comparePairedAuc(a, a, isSame).z, 0);
    throws(() => comparePairedAuc(a.slice(0, 3), b.slice(0, 3), isSame), 'ERR_ARGUMENT');
  });
});
