import assert from 'node:assert/strict';
import zlib from 'node:zlib';

import sharp from 'sharp';

import { ArcFaceHead, IResNet, SGD, Tensor, cpu, liveTensors, scope, synchronize } from '../../lib';
import { runScript } from '../support/run-kappa';

const MIB = 2 ** 20;

describe('memory of tensors', () => {
  it('is told while they live, in peaks, and after them until it is given back', async () => {
    await synchronize();
    await cpu.emptyCache();
    cpu.resetPeakMemory();
    const before = cpu.memory();
    assert.equal(before.reserved, before.allocated);
    const tensor = await Tensor.zeros([8 * MIB]);
    assert.equal(cpu.memory().allocated - before.allocated, 32 * MIB);
    tensor.dispose();
    await synchronize();
    const after = cpu.memory();
    assert.equal(after.allocated, before.allocated);
    assert.equal(after.reserved, before.reserved + 32 * MIB);
    assert.equal(after.peakAllocated, before.allocated + 32 * MIB);
    await cpu.emptyCache();
    assert.deepEqual(cpu.memory(), { ...after, reserved: before.reserved });
  });

  it('counts a tensor and its views once, as long as one of them lives', async () => {
    await synchronize();
    const before = liveTensors();
    const whole = await Tensor.zeros([256, 1024]);
    const view = await whole.reshape([1024, 256]);
    const part = await whole.slice(0, 0, 1);
    assert.deepEqual(liveTensors(), { count: before.count + 3, bytes: before.bytes + MIB });
    whole.dispose();
    view.dispose();
    assert.deepEqual(liveTensors(), { count: before.count + 1, bytes: before.bytes + MIB });
    part.dispose();
    assert.deepEqual(liveTensors(), before);
  });

  it('is the same at every step of a training, whatever other threads did before', async () => {
    // zlib and sharp use malloc on threads of their own.
    const packed = zlib.gzipSync(Buffer.alloc(MIB, 'kappa'));
    const image = { create: { width: 64, height: 64, channels: 3 as const, background: 'red' } };
    await Promise.all([sharp(image).png().toBuffer(), new Promise((done) => zlib.gunzip(packed, done))]);
    const backbone = new IResNet({
      depth: 18,
      widthMultiplier: 0.125,
      embeddingSize: 32,
      precision: 'float32',
    });
    const head = new ArcFaceHead({ numClasses: 50, embeddingSize: 32 });
    const optimizer = new SGD([...backbone.parameters(), ...head.parameters()], { lr: 0.01 });
    const images = await Tensor.randn([8, 3, 112, 112]);
    const labels = await Tensor.randint(0, 50, [8]);
    const step = (): Promise<void> =>
      scope(async () => {
        await optimizer.zeroGrad();
        await (await head.forward(await backbone.forward(images), labels)).backward();
        await optimizer.step();
        await synchronize();
      });
    for (let i = 0; i < 4; i++) await step();
    cpu.resetPeakMemory();
    const { reserved, allocated } = cpu.memory();
    for (let i = 0; i < 4; i++) await step();
    const after = cpu.memory();
    assert.equal(after.peakReserved, reserved, 'nothing more is asked from the system');
    assert.equal(after.reserved, reserved, 'nothing is given back between the steps');
    assert.equal(after.allocated, allocated);
    assert.ok(after.peakAllocated > allocated + MIB);
    for (const tensor of [images, labels]) tensor.dispose();
    for (const part of [optimizer, head, backbone]) part.dispose();
  });

  it('goes back to the system when nothing runs', () => {
    const { code, stdout, stderr } = runScript(`
      const { Tensor, cpu } = require(${JSON.stringify(require.resolve('../../lib'))});
      (async () => {
        (await Tensor.zeros([1 << 20])).dispose();
        await new Promise((resolve) => {
          const timer = setInterval(() => {
            if (cpu.memory().reserved > 0) return;
            clearInterval(timer);
            resolve();
          }, 200);
        });
        process.stdout.write('given back');
      })();`);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'given back');
  });
});
