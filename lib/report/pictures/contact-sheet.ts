import path from 'node:path';
import { stat } from 'node:fs/promises';
import type { OverlayOptions } from 'sharp';
import { KappaError, argumentError, ioError } from '../../errors';
import { writeFileAtomically } from '../../files/atomic-file';
import { decodeInto, loadSharp } from '../../image/decode';
import { FaceDataset } from '../../data/face-dataset';
import { isSource } from '../../data/sources/open';
import { Xoshiro128, shuffle } from '../../random';
import { readVerificationSet } from '../../data/protocols/verification-set';
import { COLOURS, mustHaveFonts, pictureEnding, rasterize, svgText } from './svg';

export interface SheetOptions {
  /** Rows: classes, or rows of pairs. @default 8 */
  rows?: number;
  /** Images in a row; of pairs half as many. @default 10 */
  columns?: number;
  /** Seed of what is shown. @default 1 */
  seed?: number;
}

/** A tile is drawn at this size, whatever the size of the images. */
const TILE = 112;
const GAP = 6;
const MARGIN = 24;
const HEADER = 58;
const LABELS = 172;
const CAPTION = 22;

interface Tile {
  /** The encoded image; a damaged one is drawn as a crossed box. */
  image: Buffer;
  left: number;
  top: number;
}

interface Sheet {
  width: number;
  height: number;
  tiles: Tile[];
  /** SVG of everything that is no photograph. */
  texts: string[];
}

/**
 * Writes a PNG with some images of a data set (a class a row, with its name and number of images) or of a
 * verification set (pairs, green for one person, red for two). The same seed gives the same choice.
 * @throws KappaError ERR_ARGUMENT, ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_IO
 */
export async function writeSheet(file: string, source: string, options: SheetOptions = {}): Promise<void> {
  pictureEnding(file, ['.png']);
  const { rows = 8, columns = 10, seed = 1 } = options;
  for (const [name, value] of Object.entries({ rows, columns }))
    if (!Number.isInteger(value) || value < 1 || value > 100)
      throw argumentError(name, 'a whole number from 1 to 100', value);
  if (!Number.isInteger(seed)) throw argumentError('seed', 'a whole number', seed);
  await mustHaveFonts();
  const info = await stat(source).catch((error: unknown) => {
    throw ioError(error, 'read', source);
  });
  const sheet = isSource(source, info)
    ? await datasetSheet(source, rows, columns, seed)
    : await pairSheet(source, rows, Math.max(1, Math.floor(columns / 2)), seed);
  await paint(file, sheet);
}

async function datasetSheet(root: string, rows: number, columns: number, seed: number): Promise<Sheet> {
  const dataset = await FaceDataset.open(root, { allowEmptyClasses: true });
  try {
    const { samplesPerClass, labels, classNames } = dataset;
    const random = Xoshiro128.fromSeed(seed, 0x5ee7);
    const chosen = drawClasses(labels, rows, random).sort(
      (a, b) => samplesPerClass[b]! - samplesPerClass[a]! || a - b,
    );
    const images = new Map(chosen.map((label): [number, number[]] => [label, []]));
    labels.forEach((label, index) => images.get(label)?.push(index));
    const largest = samplesPerClass[chosen[0]!]!;
    const tiles: Tile[] = [];
    const texts = [
      header(
        path.basename(path.resolve(root)),
        `${count(dataset.length)} images of ${count(dataset.numClasses)} classes`,
      ),
    ];
    chosen.forEach((label, row) => {
      const top = MARGIN + HEADER + row * (TILE + GAP);
      const all = Uint32Array.from(images.get(label)!);
      shuffle(all, random);
      const name = classNames?.[label] ?? undefined;
      const title = name === undefined ? `class ${label}` : name.replaceAll('_', ' ');
      const about = `${name === undefined ? '' : `class ${label}, `}${count(all.length)} ${all.length === 1 ? 'image' : 'images'}`;
      texts.push(
        svgText(title, MARGIN, top + TILE / 2 - 4, { size: 14, bold: true, maxWidth: LABELS - 12 }),
        svgText(about, MARGIN, top + TILE / 2 + 16, { size: 12, fill: COLOURS.muted, maxWidth: LABELS - 8 }),
      );
      [...all.subarray(0, columns)]
        .sort((a, b) => a - b)
        .forEach((index, column) => {
          const left = MARGIN + LABELS + column * (TILE + GAP);
          tiles.push({ image: readOrNothing(dataset, index), left, top });
        });
    });
    return {
      width: 2 * MARGIN + LABELS + Math.max(4, Math.min(columns, largest)) * (TILE + GAP) - GAP,
      height: 2 * MARGIN + HEADER + chosen.length * (TILE + GAP) - GAP,
      tiles,
      texts,
    };
  } finally {
    dataset.close();
  }
}

/** Draws images until they are of so many classes: large classes are likely to be seen, as they are in training. */
function drawClasses(labels: Int32Array, rows: number, random: Xoshiro128): number[] {
  const order = Uint32Array.from(labels, (_, index) => index);
  shuffle(order, random);
  const chosen = new Set<number>();
  for (const index of order) {
    if (chosen.size === rows) break;
    chosen.add(labels[index]!);
  }
  return [...chosen];
}

function readOrNothing(dataset: FaceDataset, index: number): Buffer {
  try {
    return dataset.read(index).image;
  } catch (error) {
    if (error instanceof KappaError && error.code !== 'ERR_IO') return Buffer.alloc(0);
    throw error;
  }
}

async function pairSheet(file: string, rows: number, columns: number, seed: number): Promise<Sheet> {
  const set = await readVerificationSet(file);
  const order = Uint32Array.from(set.isSame, (_, pair) => pair);
  shuffle(order, Xoshiro128.fromSeed(seed, 0x5ee7));
  const chosen = [...order.subarray(0, rows * columns)].sort((a, b) => a - b);
  const [cellWidth, cellHeight] = [2 * TILE + 2 + 3 * GAP, TILE + CAPTION + 2 * GAP];
  const same = set.isSame.filter(Boolean).length;
  const about = `${count(set.isSame.length)} pairs: ${count(same)} of one person, ${count(set.isSame.length - same)} of two`;
  const tiles: Tile[] = [];
  const texts = [header(path.basename(file), about)];
  chosen.forEach((pair, i) => {
    const left = MARGIN + (i % columns) * cellWidth;
    const top = MARGIN + HEADER + Math.floor(i / columns) * cellHeight;
    tiles.push({ image: set.images[2 * pair]!, left, top });
    tiles.push({ image: set.images[2 * pair + 1]!, left: left + TILE + 2, top });
    const isSame = set.isSame[pair]!;
    const colour = isSame ? COLOURS.same : COLOURS.different;
    texts.push(
      `<rect x="${left}" y="${top + TILE + 3}" width="${2 * TILE + 2}" height="4" rx="2" fill="${colour}"/>`,
      svgText(isSame ? 'same' : 'different', left, top + TILE + 22, { size: 12, fill: colour, bold: true }),
      svgText(`pair ${pair}`, left + 2 * TILE + 2, top + TILE + 22, {
        size: 12,
        anchor: 'end',
        fill: COLOURS.muted,
      }),
    );
  });
  return {
    width: 2 * MARGIN + Math.min(columns, chosen.length) * cellWidth - 3 * GAP,
    height: 2 * MARGIN + HEADER + Math.ceil(chosen.length / columns) * cellHeight - GAP,
    tiles,
    texts,
  };
}

function header(title: string, about: string): string {
  return (
    svgText(title, MARGIN, MARGIN + 20, { size: 22, bold: true }) +
    svgText(about, MARGIN, MARGIN + 40, { size: 13, fill: COLOURS.muted })
  );
}

async function paint(file: string, { width, height, tiles, texts }: Sheet): Promise<void> {
  const sharp = await loadSharp();
  const boxes: string[] = [];
  const layers: OverlayOptions[] = [];
  for (const { image, left, top } of tiles) {
    const data = new Uint8Array(TILE * TILE * 3);
    try {
      await decodeInto(image, data, { size: [TILE, TILE], resize: true }, file);
      const raw = { width: TILE, height: TILE, channels: 3 as const };
      layers.push({ input: Buffer.from(data.buffer), raw, left, top });
    } catch (error) {
      if (!(error instanceof KappaError)) throw error;
      boxes.push(crossedBox(left, top));
    }
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${[...texts, ...boxes].join('')}</svg>`;
  layers.push({ input: await rasterize(svg, file), left: 0, top: 0 });
  const png = await sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
    .composite(layers)
    .png()
    .toBuffer()
    .catch((error: unknown) => {
      throw ioError(error, 'draw', file);
    });
  await writeFileAtomically(file, (handle) => handle.writeFile(png));
}

function crossedBox(left: number, top: number): string {
  const [right, bottom] = [left + TILE - 1, top + TILE - 1];
  return (
    `<rect x="${left}" y="${top}" width="${TILE}" height="${TILE}" fill="${COLOURS.line}"/>` +
    `<path d="M${left} ${top}L${right} ${bottom}M${right} ${top}L${left} ${bottom}" stroke="${COLOURS.different}" stroke-width="2"/>`
  );
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
