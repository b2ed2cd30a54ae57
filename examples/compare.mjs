import { readFile } from 'node:fs/promises';
import { embedImages, loadBackbone } from 'kappaface';

const [run, first, second] = process.argv.slice(2); // a trained run and two aligned faces
const backbone = await loadBackbone(run);
const { data, embeddingSize } = await embedImages(backbone, [await readFile(first), await readFile(second)]);
backbone.dispose();

const unit = (vector) => {
  const length = Math.hypot(...vector);
  return vector.map((x) => x / length);
};
const [a, b] = [unit(data.subarray(0, embeddingSize)), unit(data.subarray(embeddingSize))];
const cosine = a.reduce((sum, x, i) => sum + x * b[i], 0);

// The threshold of the run's own verification is a squared distance, which is 2 - 2 cosine.
const { best } = JSON.parse(await readFile(`${run}/result.json`, 'utf8'));
const [{ threshold }] = Object.values(best.verification);
console.log(`cosine ${cosine.toFixed(3)}: ${2 - 2 * cosine < threshold ? 'one person' : 'two people'}`);
