/* global exports */
// What the library must do under any test runner: run as it is by plain Node (run.ts keeps the values), and by each
// runner in a realm, thread or process of its own.
const path = require('node:path');
const sharp = require('sharp');

exports.FACES = path.join(__dirname, '..', 'faces');
exports.EXPECTED = path.join(__dirname, 'expected.json');

const network = { depth: 18, widthMultiplier: 0.0625, embeddingSize: 16, precision: 'float32' };

/** Weights that do not depend on random numbers: threads of one process share the generator. */
async function setWeights({ Tensor }, state) {
  for (const [name, tensor] of state) {
    if (!/conv|downsample\.0|^fc|centres/.test(name)) continue;
    const numbers = Tensor.arange(0, tensor.size).mul(0.37).sin().mul(0.1);
    await tensor.copyFrom(numbers.reshape(tensor.shape));
  }
}

/** Tensors from arrays of this realm, and what becomes of wrong ones. */
exports.tensors = async ({ Tensor, scope }) => {
  const x = await Tensor.from(Float32Array.of(1, 2, 3));
  const later = new Promise((resolve) =>
    setTimeout(() => resolve(Tensor.from(BigInt64Array.of(4n, 5n, 6n))), 1),
  );
  const { sum, product } = Object.fromEntries(
    await scope(
      async () =>
        new Map([
          ['sum', await x.add(later)],
          ['product', await x.mul(x)],
        ]),
    ),
  );
  const refused = await Tensor.from(Float64Array.of(0, 1.5), [2], { dtype: 'int32' }).catch((error) => error);
  return {
    array: Array.from(await sum.toTypedArray()),
    kind: (await x.toTypedArray()) instanceof Float32Array,
    wide: (await (await Tensor.from([2n])).toTypedArray()) instanceof BigInt64Array,
    numbers: await product.toArray(),
    clamped: await (await Tensor.from(Uint8ClampedArray.of(255))).toArray(),
    pixels: (await Tensor.fromImages(new Uint8Array(12), { batch: 1, height: 2, width: 2 })).shape,
    refused: [refused instanceof Error, refused.code, refused.message],
  };
};

/** Two steps of training on images that worker threads decode, and the margins that follow. */
exports.training = async ({ DataLoader, FaceDataset, IResNet, KappaFaceHead, SGD, Tensor, scope }) => {
  const dataset = await FaceDataset.open(exports.FACES);
  const loader = new DataLoader(dataset, { batchSize: 8, seed: 1, workers: 2 });
  const backbone = new IResNet(network);
  await setWeights({ Tensor }, backbone.stateDict());
  const concentration = { kind: 'momentum', backbone };
  const samplesPerClass = dataset.samplesPerClass;
  const head = new KappaFaceHead({ samplesPerClass, embeddingSize: 16, concentration });
  await setWeights({ Tensor }, [['centres', head.centres]]);
  const optimizer = new SGD([...backbone.parameters(), ...head.parameters()], { lr: 0.01 });
  const losses = [];
  for await (const batch of loader.epoch(0)) {
    await scope(async () => {
      const size = { batch: batch.size, height: 112, width: 112 };
      const images = await Tensor.fromImages(batch.images, size, batch.flips);
      const labels = await Tensor.from(batch.labels);
      batch.release();
      const loss = await head.forward(await backbone.forward(images), labels);
      losses.push(await loss.item());
      await loss.backward();
      await optimizer.step();
      await optimizer.zeroGrad();
      await head.observe({ images, labels });
    });
    if (losses.length === 2) break;
  }
  await head.updateMargins();
  const margins = await head.marginScale();
  await loader.close();
  dataset.close();
  for (const part of [optimizer, head, backbone]) part.dispose();
  return { losses, margins };
};

/** Verification of real pairs by a network of known weights. */
exports.verification = async (kappaface) => {
  const { IResNet, embedImages, evaluateVerification, readVerificationSet } = kappaface;
  const backbone = new IResNet(network).eval();
  await setWeights(kappaface, backbone.stateDict());
  const set = await readVerificationSet(path.join(exports.FACES, 'synth.bin'));
  const { accuracy, xnorm, pairs } = await evaluateVerification(backbone, set);
  const png = await sharp(Buffer.alloc(112 * 112 * 3, 90), { raw: { width: 112, height: 112, channels: 3 } })
    .png()
    .toBuffer();
  const { data, embeddingSize } = await embedImages(backbone, [png, set.images[0], png]);
  const missing = await readVerificationSet('/nowhere/lfw.bin').catch((error) => error);
  backbone.dispose();
  const folder = await readVerificationSet(exports.FACES).catch((error) => error);
  return {
    accuracy,
    xnorm,
    pairs,
    embeddingSize,
    embedded: Array.from(data),
    errors: [missing.code, folder.code, folder.message],
  };
};

/** Configs: TypeScript, and what is derived from it. */
exports.configs = async ({ loadConfig, resolveConfig, KappaError }) => {
  const base = await loadConfig('configs/base');
  const wrong = await loadConfig('configs/nothing').catch((error) => error);
  let invalid;
  try {
    resolveConfig({ train: { epochs: 'two' } });
  } catch (error) {
    invalid = error;
  }
  return {
    name: base.name,
    depth: base.backbone.depth,
    codes: [wrong.code, invalid.code, invalid instanceof KappaError],
  };
};

/** Numbers that may differ in their last digits, since threads share sums differently. */
exports.rounded = (value) =>
  JSON.parse(JSON.stringify(value, (_, x) => (typeof x === 'number' ? Number(x.toPrecision(4)) : x)));

/** Makes the tests of one file. */
exports.declare = (kappaface, { test, expect }, names) => {
  const expected = require(exports.EXPECTED);
  for (const name of names) {
    test(name, async () => {
      const found = exports.rounded(await exports[name](kappaface));
      expect(found).toEqual(expected[name]);
    });
  }
};
