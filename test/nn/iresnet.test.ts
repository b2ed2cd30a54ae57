import assert from 'node:assert/strict';

import { IResNet, SGD, Tensor, manualSeed, noGrad } from '../../lib';
import type { IResNetOptions } from '../../lib';
import { close, rejects } from '../support/assert';
import { leavesNoTensors } from '../support/tensors';

const tiny: IResNetOptions = {
  depth: 18,
  widthMultiplier: 0.125,
  embeddingSize: 8,
  imageSize: 32,
  precision: 'float32',
};

describe('IResNet', () => {
  it("has insightface's parameter names and shapes", () => {
    const backbone = new IResNet({ depth: 18, embeddingSize: 512 });
    const state = backbone.stateDict();
    const shape = (name: string): string => state.get(name)?.shape.join('x') ?? 'absent';
    assert.equal(shape('conv1.weight'), '64x3x3x3');
    assert.equal(shape('bn1.running_var'), '64');
    assert.equal(shape('prelu.weight'), '64');
    assert.equal(shape('layer1.0.downsample.0.weight'), '64x64x1x1');
    assert.equal(shape('layer1.0.downsample.1.num_batches_tracked'), '');
    assert.equal(shape('layer1.1.downsample.0.weight'), 'absent');
    assert.equal(shape('layer2.0.conv1.weight'), '128x64x3x3');
    assert.equal(shape('layer4.1.bn3.bias'), '512');
    assert.equal(shape('bn2.weight'), '512');
    assert.equal(shape('fc.weight'), '512x25088');
    assert.equal(shape('features.running_mean'), '512');
    const count = (tensors: Iterable<Tensor>): number =>
      [...tensors].reduce((sum, tensor) => sum + tensor.size, 0);
    assert.equal(count(backbone.parameters()), 24_025_600, 'parameters of insightface iresnet18');
    assert.equal(state.get('features.weight')?.requiresGrad, false);
    backbone.dispose();
  });

  it('has the blocks of every depth', () => {
    const expected = {
      18: [2, 2, 2, 2],
      34: [3, 4, 6, 3],
      50: [3, 4, 14, 3],
      100: [3, 13, 30, 3],
      200: [6, 26, 60, 6],
    };
    for (const [depth, blocks] of Object.entries(expected)) {
      const backbone = new IResNet({
        depth: Number(depth) as 18,
        widthMultiplier: 0.03125,
        embeddingSize: 4,
        imageSize: 16,
      });
      const names = [...backbone.stateDict().keys()];
      const found = [1, 2, 3, 4].map(
        (layer) =>
          names.filter((name) => new RegExp(`^layer${layer}\\.\\d+\\.conv1\\.weight$`).test(name)).length,
      );
      assert.deepEqual(found, blocks);
      backbone.dispose();
    }
  });

  it('starts as the reference does', async () => {
    await manualSeed(1);
    const state = new IResNet({ depth: 18, widthMultiplier: 0.5, embeddingSize: 64 }).stateDict();
    const conv = state.get('layer4.1.conv2.weight') as Tensor;
    close([await (await conv.mean()).item(), await (await conv.std()).item()], [0, 0.1], 1e-3);
    assert.ok(conv.isChannelsLast);
    const bound = 1 / Math.sqrt(256 * 49);
    const fc = state.get('fc.weight') as Tensor;
    const largest = await (await (await fc.abs()).max()).item();
    assert.ok(largest <= bound && largest > 0.99 * bound);
    assert.equal(await (await (state.get('prelu.weight') as Tensor).mean()).item(), 0.25);
    assert.equal(await (await (state.get('bn1.running_var') as Tensor).mean()).item(), 1);
  });

  it('is the same after the same seed, and another after another', async () => {
    const make = async (seed: number): Promise<number[]> => {
      await manualSeed(seed);
      const backbone = new IResNet(tiny);
      return (backbone.stateDict().get('fc.weight') as Tensor).toArray();
    };
    assert.deepEqual(await make(1), await make(1));
    assert.notDeepEqual(await make(1), await make(2));
  });

  it('normalises by the batch when training and by running statistics when not', async () => {
    await manualSeed(2);
    const backbone = new IResNet(tiny);
    const images = await Tensor.randn([6, 3, 32, 32]);
    const trained = await noGrad(() => backbone.forward(images));
    close(
      await (await trained.mean(0)).toArray(),
      new Array(8).fill(0),
      1e-5,
      'batch mean of the last batch norm',
    );
    assert.equal(await (backbone.stateDict().get('bn1.num_batches_tracked') as Tensor).item(), 1);
    backbone.eval();
    const one = await noGrad(() => backbone.forward(images));
    const half = await noGrad(async () => backbone.forward(await images.slice(0, 0, 3)));
    close(
      await half.toArray(),
      (await one.toArray()).slice(0, 24),
      1e-4,
      'an image does not depend on its batch',
    );
    assert.equal(await (backbone.stateDict().get('bn1.num_batches_tracked') as Tensor).item(), 1);
  });

  for (const precision of ['bfloat16', 'float16'] as const)
    it(`computes nearly the same in ${precision}`, async () => {
      await manualSeed(3);
      const exact = new IResNet(tiny).train();
      const fast = new IResNet({ ...tiny, precision });
      await fast.loadStateDict(exact.stateDict());
      const images = await Tensor.randn([8, 3, 32, 32]);
      const a = await noGrad(async () => (await exact.forward(images)).normalize(1));
      const b = await noGrad(async () => (await fast.forward(images)).normalize(1));
      assert.equal(b.dtype, 'float32');
      const cosines = await (await (await a.mul(b)).sum(1)).toArray();
      assert.ok(Math.min(...cosines) > 0.99, String(cosines));
    });

  it('learns: its gradients lower a loss', async () => {
    await manualSeed(4);
    const backbone = new IResNet(tiny);
    const optimizer = new SGD(backbone.parameters(), { lr: 0.05, momentum: 0.9 });
    const images = await Tensor.randn([8, 3, 32, 32]);
    const labels = await Tensor.arange(0, 8, 1, { dtype: 'int64' });
    const losses: number[] = [];
    for (let step = 0; step < 12; step++) {
      const loss = await (await backbone.forward(images)).crossEntropy(labels);
      await optimizer.zeroGrad();
      await loss.backward();
      await optimizer.step();
      losses.push(await loss.item());
    }
    assert.ok((losses.at(-1) ?? 9) < 0.3 * (losses[0] ?? 0), String(losses));
    assert.equal(await (backbone.stateDict().get('features.weight') as Tensor).grad(), null);
  });

  it('copies, follows, saves and restores its state', async () => {
    await manualSeed(5);
    const backbone = new IResNet(tiny);
    const copy = await backbone.clone();
    const images = await Tensor.randn([4, 3, 32, 32]);
    await backbone.keepBuffers();
    await noGrad(() => backbone.forward(images));
    const mean = (net: IResNet): Promise<number[]> =>
      (net.stateDict().get('bn1.running_mean') as Tensor).toArray();
    assert.notDeepEqual(await mean(backbone), await mean(copy));
    await copy.follow(backbone, 0.5);
    assert.deepEqual(await mean(backbone), await mean(copy));
    await backbone.restoreBuffers();
    assert.deepEqual(await mean(backbone), new Array(8).fill(0));
    const other = new IResNet({ ...tiny, embeddingSize: 4 });
    await rejects(
      other.loadStateDict(backbone.stateDict()),
      'ERR_CHECKPOINT',
      /fc\.weight has shape \[8, 256\] instead of \[4, 256\]/,
    );
  });

  it('says what is wrong with its options and images', async () => {
    assert.throws(() => new IResNet({ depth: 19 as 18 }), { code: 'ERR_ARGUMENT' });
    assert.throws(() => new IResNet({ ...tiny, embeddingSize: 0 }), { code: 'ERR_ARGUMENT' });
    assert.throws(() => new IResNet({ ...tiny, imageSize: 100 }), { code: 'ERR_ARGUMENT' });
    assert.throws(() => new IResNet({ ...tiny, dropout: 1 }), { code: 'ERR_ARGUMENT' });
    const backbone = new IResNet(tiny);
    await rejects(backbone.forward(await Tensor.ones([2, 3, 112, 112])), 'ERR_SHAPE', /3, 32, 32/);
    await rejects(backbone.forward(await Tensor.ones([1, 3, 32, 32])), 'ERR_SHAPE', /at least two images/);
    await rejects(backbone.forward(await Tensor.ones([2, 3, 32, 32], { dtype: 'float64' })), 'ERR_DTYPE');
    backbone.dispose();
    await rejects(backbone.forward(await Tensor.ones([2, 3, 32, 32])), 'ERR_DISPOSED');
  });

  it('leaves no tensors behind', async () => {
    await leavesNoTensors(async () => {
      const backbone = new IResNet(tiny);
      const images = await Tensor.ones([2, 3, 32, 32]);
      const out = await noGrad(() => backbone.forward(images));
      for (const thing of [backbone, images, out]) thing.dispose();
    });
  });

  it('tells which layer went first, forward and backward, by the names of the state dict', async () => {
    await manualSeed(3);
    const backbone = new IResNet(tiny);
    const images = await Tensor.randn([4, 3, 32, 32]);
    const run = async (): Promise<Tensor> => {
      const embeddings = await backbone.forward(images);
      await embeddings.mul(embeddings).sum().backward();
      return embeddings;
    };
    const plain = await backbone.clone();
    plain.eval();
    backbone.eval();
    const good = await backbone.traced(run);
    const layers = good.outputs.map(({ layer }) => layer);
    const modules = new Set([...backbone.namedParameters().keys()].map((name) => name.replace(/\.\w+$/, '')));
    for (const name of modules) assert.equal(layers.filter((layer) => layer === name).length, 1, name);
    assert.equal(layers.filter((layer) => /^layer\d\.\d$/.test(layer)).length, 8, 'the sums of the blocks');
    assert.deepEqual([layers[0], layers.at(-1)], ['conv1', 'features']);
    assert.deepEqual(good.gradients[0]?.layer, 'features');
    assert.equal(good.gradients.at(-1)?.layer, 'conv1');
    assert.ok([...good.outputs, ...good.gradients].every(({ notFinite }) => notFinite === 0));
    // 4 images, 8 channels (64 / 8), 32 x 32 pixels, 4 bytes.
    assert.equal(good.outputs[0]?.bytes, 4 * 8 * 32 * 32 * 4);
    const looked = await (await backbone.forward(images)).toArray();
    assert.deepEqual(looked, await (await plain.forward(images)).toArray(), 'looking changes nothing');

    const weight = backbone.stateDict().get('layer2.0.conv2.weight') as Tensor;
    await weight.fill(NaN);
    const bad = await backbone.traced(run);
    assert.equal(bad.outputs.find(({ notFinite }) => notFinite > 0)?.layer, 'layer2.0.conv2');
    backbone.dispose();
    plain.dispose();
  });
});
