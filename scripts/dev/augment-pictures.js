// Draws docs/images/augment-*.png: embedded faces above, what an augmentation makes of each below.
require('ts-node/register/transpile-only');

const { mkdirSync } = require('node:fs');
const path = require('node:path');
const sharp = require('sharp');
const { Augmenter, resolveAugmentOptions } = require('../../lib/data/augment');
const { decodeImages } = require('../../lib/image/decode');
const { drawPhotos } = require('../../lib/synth/render/draw-photo');
const { defaultSynthOptions } = require('../../lib/synth/options');
const { planSynthSet } = require('../../lib/synth/plan');

const SIDE = 112;
const FACES = 5;
const BYTES = SIDE * SIDE * 3;
const GAP = 4;

async function main() {
  const folder = path.join(__dirname, '..', '..', 'docs', 'images');
  mkdirSync(folder, { recursive: true });
  const people = planSynthSet(defaultSynthOptions).train.filter((person) => person.difficulty < 0.3);
  const photos = people
    .slice(0, FACES)
    .map((person) => drawPhotos(defaultSynthOptions.seed, { ...person, images: 1 })[0]);
  const faces = await decodeImages(photos, { size: SIDE });
  for (const name of Object.keys(resolveAugmentOptions())) {
    const augmenter = new Augmenter(resolveAugmentOptions({ [name]: { probability: 1 } }), 1, [SIDE, SIDE]);
    const augmented = faces.slice();
    for (let i = 0; i < FACES; i++) augmenter.apply(augmented.subarray(i * BYTES, (i + 1) * BYTES), 0, i);
    await writeSheet(path.join(folder, `augment-${name}.png`), [faces, augmented]);
  }
}

async function writeSheet(file, rows) {
  const raw = { width: SIDE, height: SIDE, channels: 3 };
  const tiles = rows.flatMap((pixels, row) =>
    Array.from({ length: FACES }, (_, column) => ({
      input: Buffer.from(pixels.subarray(column * BYTES, (column + 1) * BYTES)),
      raw,
      left: column * (SIDE + GAP),
      top: row * (SIDE + GAP),
    })),
  );
  const size = { width: FACES * (SIDE + GAP) - GAP, height: 2 * (SIDE + GAP) - GAP };
  await sharp({ create: { ...size, channels: 3, background: '#ffffff' } })
    .composite(tiles)
    .png({ palette: true, colours: 96, dither: 0.4, effort: 10 })
    .toFile(file);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
