import { FORMAT_RGB, SAMP_420, compressSync } from '@julusian/jpeg-turbo';
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { decodeInto } from '../../../lib/image/decode';
import type { Mutation } from '../mutations';
import type { FuzzTarget, Parse } from '../target';

const SIDE = 16;
const BYTES = SIDE * SIDE * 3;
const GUARD = 4096;
const SIZES = [0, 1, 8, SIDE, SIDE + 1, 255, 4096, 4097, 16383, 32768, 65500, 65535];

function pixels(side: number): Buffer {
  return Buffer.from(Array.from({ length: side * side * 3 }, (_, i) => (i * 37 + (i >> 5) * 11) & 0xff));
}

const raw = (side = SIDE) => sharp(pixels(side), { raw: { width: side, height: side, channels: 3 } });

/** Decodes into memory with guards around it; half of the inputs may be brought to size. */
const decoder = (): Parse => {
  sharp.concurrency(1);
  sharp.cache(false);
  const memory = Buffer.alloc(GUARD + BYTES + GUARD);
  return async (input) => {
    memory.fill(0xa5);
    const resize = input.length % 2 === 1;
    const out = new Uint8Array(memory.buffer, memory.byteOffset + GUARD, BYTES);
    try {
      await decodeInto(input, out, { size: [SIDE, SIDE], resize }, 'x');
      return `${out[0]! >> 6} ${out[BYTES - 1]! >> 6}`;
    } finally {
      for (let i = 0; i < GUARD; i++)
        if (memory[i] !== 0xa5 || memory[GUARD + BYTES + i] !== 0xa5)
          assert.fail('the decoder wrote beyond its output');
    }
  };
};

/** Writes sizes into a JPEG's frame header, wherever one stands. */
const setFrame: Mutation = (input, random) => {
  const copy = Buffer.from(input);
  for (let at = 2; at + 9 < copy.length; at++)
    if (copy[at] === 0xff && (copy[at + 1]! & 0xf0) === 0xc0 && copy[at + 1] !== 0xc4) {
      const field = random.below(4);
      if (field === 0) copy[at + 1] = 0xc0 + random.below(16);
      else if (field === 1) copy[at + 9] = random.below(6);
      else copy.writeUInt16BE(SIZES[random.below(SIZES.length)]!, at + (field === 2 ? 5 : 7));
      break;
    }
  return copy;
};

/** Repeats the bytes from one marker to the next: many scans, tables, comments. */
const repeatSegment: Mutation = (input, random, { maxBytes }) => {
  const markers: number[] = [];
  for (let at = 0; at + 1 < input.length; at++)
    if (input[at] === 0xff && input[at + 1]! >= 0xc0) markers.push(at);
  if (markers.length < 2) return Buffer.from(input);
  const i = random.below(markers.length - 1);
  const segment = input.subarray(markers[i], markers[i + 1]);
  const times = Math.min(2 ** random.below(12), Math.floor((maxBytes - input.length) / segment.length));
  return Buffer.concat([
    input.subarray(0, markers[i + 1]),
    Buffer.alloc(Math.max(0, times) * segment.length, segment),
    input.subarray(markers[i + 1]),
  ]);
};

export const jpegTarget: FuzzTarget = {
  name: 'jpeg',
  about: 'JPEG images',
  codes: ['ERR_DATA_CORRUPT'],
  seeds: async () => {
    const rgb = { format: FORMAT_RGB, width: SIDE, height: SIDE, quality: 90 };
    return [
      Buffer.from(compressSync(pixels(SIDE), rgb)),
      Buffer.from(compressSync(pixels(SIDE), { ...rgb, subsampling: SAMP_420 })),
      await raw().toColourspace('b-w').jpeg().toBuffer(),
      await raw().jpeg({ progressive: true }).toBuffer(),
      await raw().toColourspace('cmyk').jpeg().toBuffer(),
      await raw(20).jpeg().withMetadata({ orientation: 6 }).toBuffer(),
    ];
  },
  tokens: [0xc0, 0xc1, 0xc2, 0xc4, 0xc9, 0xd0, 0xd8, 0xd9, 0xda, 0xdb, 0xdd, 0xe1, 0xee, 0xfe].map((marker) =>
    Buffer.from([0xff, marker]),
  ),
  mutations: [setFrame, repeatSegment],
  maxBytes: 1 << 13,
  everydayInputs: 2000,
  open: decoder,
};

/** Puts an extreme into a PNG's IHDR: sizes, depth, colour type, interlace. */
const setHeader: Mutation = (input, random) => {
  const copy = Buffer.from(input);
  if (copy.length < 29) return copy;
  const field = random.below(5);
  if (field < 2)
    copy.writeUInt32BE([...SIZES, 2 ** 31 - 1, 2 ** 32 - 1][random.below(SIZES.length + 2)]!, 16 + 4 * field);
  else copy[22 + field] = [0, 1, 2, 3, 4, 6, 8, 16][random.below(8)]!;
  return copy;
};

/** Corrects the checksum of every chunk whose length fits. */
function repairPng(input: Buffer): Buffer {
  const copy = Buffer.from(input);
  for (let at = 8; at + 12 <= copy.length;) {
    const length = copy.readUInt32BE(at);
    if (at + 12 + length > copy.length) break;
    copy.writeUInt32BE(crc32(copy.subarray(at + 4, at + 8 + length)), at + 8 + length);
    at += 12 + length;
  }
  return copy;
}

export const pngTarget: FuzzTarget = {
  name: 'png',
  about: 'PNG images',
  codes: ['ERR_DATA_CORRUPT'],
  seeds: async () => [
    await raw().png().toBuffer(),
    await raw().png({ palette: true, progressive: true }).toBuffer(),
    await raw().ensureAlpha().png({ compressionLevel: 0 }).toBuffer(),
    await raw().toColourspace('b-w').png().toBuffer(),
    await raw(20).toColourspace('rgb16').png().toBuffer(),
  ],
  tokens: [
    'IHDR',
    'PLTE',
    'IDAT',
    'IEND',
    'tRNS',
    'iCCP',
    'gAMA',
    'zTXt',
    'acTL',
    'fcTL',
    'fdAT',
    '\0\0\0\0',
  ],
  mutations: [setHeader],
  repair: repairPng,
  maxBytes: 1 << 15,
  everydayInputs: 800,
  open: decoder,
};

/** Puts extreme sizes where a WebP's VP8, VP8L or VP8X chunk has them. */
const setCanvas: Mutation = (input, random) => {
  const copy = Buffer.from(input);
  if (copy.length < 30) return copy;
  const at = [21, 24, 26, 27, 28][random.below(5)]!;
  copy.writeUInt16LE(SIZES[random.below(SIZES.length)]!, at);
  return copy;
};

/** Makes the length of the RIFF container fit. */
function repairWebp(input: Buffer): Buffer {
  const copy = Buffer.from(input);
  if (copy.length >= 8) copy.writeUInt32LE(copy.length - 8, 4);
  return copy;
}

export const webpTarget: FuzzTarget = {
  name: 'webp',
  about: 'WebP images',
  codes: ['ERR_DATA_CORRUPT'],
  seeds: async () => [
    await raw().webp().toBuffer(),
    await raw().webp({ lossless: true }).toBuffer(),
    await raw().ensureAlpha(0.5).webp().toBuffer(),
    await raw(20).webp().withMetadata({ orientation: 6 }).toBuffer(),
  ],
  tokens: [
    'RIFF',
    'WEBP',
    'VP8 ',
    'VP8L',
    'VP8X',
    'ALPH',
    'ANIM',
    'ANMF',
    'ICCP',
    'EXIF',
    '\x2f',
    '\x9d\x01\x2a',
  ],
  mutations: [setCanvas],
  repair: repairWebp,
  maxBytes: 1 << 15,
  everydayInputs: 800,
  open: decoder,
};
