import { IResNet, KappaFaceHead, SGD, Tensor } from 'kappaface';

const backbone = new IResNet({ depth: 18, widthMultiplier: 0.125, embeddingSize: 32, imageSize: 32 });
const head = new KappaFaceHead({
  samplesPerClass: [6, 3, 3],
  embeddingSize: 32,
  concentration: { kind: 'memory' },
});
const optimizer = new SGD([...backbone.parameters(), ...head.parameters()], { lr: 0.005, momentum: 0.9 });
const labels = await Tensor.from([0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2], [12], { dtype: 'int64' });
const images = await Tensor.randn([12, 3, 32, 32]).add(labels.sub(1).reshape([12, 1, 1, 1]));
for (let epoch = 0; epoch < 20; epoch++) {
  const loss = await head.forward(await backbone.forward(images), labels, {
    sampleIndex: await Tensor.arange(0, 12, 1, { dtype: 'int64' }),
  });
  await loss.backward();
  await optimizer.step();
  await optimizer.zeroGrad();
  await head.updateMargins(); // psi m0: more for scattered and for small classes
  if (epoch % 5 === 4) console.log(`epoch ${epoch + 1}: loss ${(await loss.item()).toFixed(2)}`);
}
