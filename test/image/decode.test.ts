import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { decodeImages, decodeInto } from '../../lib/image/decode';
import { imageFormat, jpegFrame } from '../../lib/image/format';
import { KappaError } from '../../lib/errors';
import { onlyTyped, rejects } from '../support/assert';
import { jpeg, pixels, png } from '../support/faces';

const SIZE = 112;

/** Greatest difference of two images in any channel of any pixel. */
function distance(a: Uint8Array, b: Uint8Array): number {
  assert.equal(a.length, b.length);
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0);
}

const raw = (data: Buffer, channels: 1 | 3 | 4 = 3) =>
  sharp(data, { raw: { width: SIZE, height: SIZE, channels } });

describe('decoding', () => {
  it('decodes JPEG, PNG and WebP to RGB, one image after the other', async () => {
    const images = [
      jpeg(10),
      await raw(pixels(20)).png().toBuffer(),
      await raw(pixels(30)).webp({ lossless: true }).toBuffer(),
    ];
    assert.deepEqual(images.map(imageFormat), ['jpeg', 'png', 'webp']);
    const out = await decodeImages(images, { size: SIZE });
    const bytes = SIZE * SIZE * 3;
    assert.equal(out.length, 3 * bytes);
    assert.ok(distance(out.subarray(0, bytes), pixels(10)) <= 6);
    assert.equal(distance(out.subarray(bytes, 2 * bytes), pixels(20)), 0);
    assert.equal(distance(out.subarray(2 * bytes), pixels(30)), 0);
  });

  it('decodes JPEG as OpenCV does, to the bit, where it is asked to be exact', async () => {
    const file = path.join(__dirname, '..', 'fixtures', 'golden', 'jpeg-opencv.json');
    const golden = JSON.parse(readFileSync(file, 'utf8')) as {
      height: number;
      width: number;
      jpeg: string;
      rgb: string;
    };
    const image = Buffer.from(golden.jpeg, 'base64');
    const expected = Buffer.from(golden.rgb, 'base64');
    const size = [golden.height, golden.width] as const;
    assert.equal(distance(await decodeImages([image], { size, exact: true }), expected), 0);
    const fast = distance(await decodeImages([image], { size }), expected);
    assert.ok(fast > 0 && fast <= 16);
  });

  it('decodes JPEG of four inks by the plain formula, as OpenCV and Pillow do, whoever decodes', async () => {
    type Golden = Record<
      'cmyk' | 'without-marker' | 'ycck',
      { jpeg: string; opencv: string; pillow: string }
    >;
    const file = path.join(__dirname, '..', 'fixtures', 'golden', 'jpeg-cmyk.json');
    const golden = JSON.parse(readFileSync(file, 'utf8')) as Golden & { height: number; width: number };
    const size = [golden.height, golden.width] as const;
    for (const kind of ['cmyk', 'without-marker', 'ycck'] as const) {
      const image = Buffer.from(golden[kind].jpeg, 'base64');
      for (const exact of [false, true]) {
        const out = await decodeImages([image], { size, exact });
        assert.equal(distance(out, Buffer.from(golden[kind].pillow, 'base64')), 0, kind);
        assert.ok(distance(out, Buffer.from(golden[kind].opencv, 'base64')) <= 2, kind);
      }
      // Resizing works on the colours, not on the inks.
      const half = [golden.height / 2, golden.width / 2] as const;
      const pixels = Buffer.from(golden[kind].pillow, 'base64');
      const expected = await sharp(pixels, {
        raw: { width: golden.width, height: golden.height, channels: 3 },
      })
        .resize({ width: half[1], height: half[0], fit: 'cover', kernel: 'cubic' })
        .raw()
        .toBuffer();
      assert.equal(distance(await decodeImages([image], { size: half, resize: true }), expected), 0, kind);
    }
    const inks = Buffer.from(golden.cmyk.jpeg, 'base64');
    const tiff = await sharp(inks, { ignoreIcc: true })
      .pipelineColourspace('cmyk')
      .toColourspace('cmyk')
      .tiff({ compression: 'lzw' })
      .toBuffer();
    assert.equal(
      distance(await decodeImages([tiff], { size }), Buffer.from(golden.cmyk.pillow, 'base64')),
      0,
    );
    await rejects(
      decodeImages([inks.subarray(0, inks.length / 2)], { size }),
      'ERR_DATA_CORRUPT',
      /cannot be decoded/,
    );
  });

  it('decodes whole photographs, exactly or not', async () => {
    const [width, height] = [4800, 3600];
    const photo = await sharp({ create: { width, height, channels: 3, background: '#406080' } })
      .jpeg()
      .toBuffer();
    for (const exact of [false, true]) {
      const out = new Uint8Array(width * height * 3);
      await decodeInto(photo, out, { size: [height, width], exact }, 'photo');
      assert.ok(distance(out.subarray(-3), Buffer.from([0x40, 0x60, 0x80])) <= (exact ? 1 : 4));
    }
  });

  it('ignores colour profiles', async () => {
    // Pixels are converted to Display P3 here, and are to come back as they stand in the file.
    const tagged = await raw(pixels(20)).withIccProfile('p3').png().toBuffer();
    assert.ok(distance(await decodeImages([tagged], { size: SIZE }), pixels(20)) > 8);
  });

  it('makes RGB of grey, of transparent and of CMYK images', async () => {
    const grey = Buffer.alloc(SIZE * SIZE, 77);
    const rgba = Buffer.alloc(SIZE * SIZE * 4, 77);
    const flat = Buffer.alloc(SIZE * SIZE * 3, 77);
    const images = [
      await raw(grey, 1).toColourspace('b-w').jpeg().toBuffer(),
      await raw(grey, 1).toColourspace('b-w').png().toBuffer(),
      await raw(rgba, 4).png().toBuffer(),
    ];
    assert.equal(jpegFrame(images[0]!)?.components, 1);
    for (const [i, image] of images.entries())
      assert.ok(distance(await decodeImages([image], { size: SIZE }), flat) <= 2, `image ${i}`);
    const cmyk = await raw(flat).toColourspace('cmyk').jpeg().toBuffer();
    assert.equal(jpegFrame(cmyk)?.components, 4);
    assert.equal((await decodeImages([cmyk], { size: SIZE })).length, flat.length);
  });

  it('refuses another size, or resizes where that is allowed', async () => {
    const images = [jpeg(9, 64), await sharp(jpeg(9, 200)).png().toBuffer()];
    await rejects(
      decodeImages(images, { size: SIZE, name: 'x.bin' }),
      'ERR_DATA_CORRUPT',
      /x\.bin: image 0: the image is 64 x 64 pixels.*expected 112 x 112/,
    );
    await rejects(decodeImages(images.slice(1), { size: SIZE }), 'ERR_DATA_CORRUPT', /200 x 200/);
    const out = await decodeImages(images, { size: SIZE, resize: true });
    for (let i = 0; i < out.length; i += 3) assert.ok(Math.abs(out[i]! - 9) <= 6);
    assert.equal((await decodeImages([jpeg(1)], { size: [112, 112] })).length, SIZE * SIZE * 3);
    await rejects(decodeImages([], { size: 0 }), 'ERR_ARGUMENT', /size/);
  });

  it('refuses what is no image, without asking a decoder that would read other files', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="112" height="112"/>');
    for (const bytes of [svg, Buffer.alloc(0), Buffer.from('GIF'), Buffer.from([0xff, 0xd8])])
      await rejects(decodeImages([bytes], { size: SIZE }), 'ERR_DATA_CORRUPT', /not a JPEG, PNG or WebP/);
  });

  it('refuses a frame header that promises more than the output holds', async () => {
    const image = jpeg(1);
    const at = image.indexOf(Buffer.from([0xff, 0xc0]));
    assert.ok(at > 0);
    const huge = Buffer.from(image);
    huge.writeUInt16BE(65500, at + 5);
    huge.writeUInt16BE(65500, at + 7);
    const out = new Uint8Array(SIZE * SIZE * 3);
    assert.throws(() => void decodeInto(huge, out, { size: [SIZE, SIZE] }, 'x'), {
      code: 'ERR_DATA_CORRUPT',
      message: /65500 x 65500/,
    });
    await rejects(
      decodeImages([huge], { size: SIZE, resize: true }),
      'ERR_DATA_CORRUPT',
      /cannot be decoded/,
    );
    // A fitting frame header hidden in a comment, before the true one.
    const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, 14]), image.subarray(at, at + 12)]);
    const hidden = Buffer.concat([huge.subarray(0, 2), comment, huge.subarray(2)]);
    assert.deepEqual(jpegFrame(hidden), { width: 65500, height: 65500, components: 3 });
  });

  it('refuses a PNG of one very long row, for which decoders would take hundreds of megabytes', async () => {
    const image = await raw(pixels(3)).png().toBuffer();
    image.writeUInt32BE(1 << 14, 16);
    image.writeUInt32BE(1, 20);
    const decode = () => decodeImages([image], { size: SIZE, resize: true });
    // Its size is fine, the checksum of its header is not.
    await rejects(decode(), 'ERR_DATA_CORRUPT', /cannot be decoded \((?!.*a side may)/);
    image.writeUInt32BE((1 << 14) + 1, 16);
    await rejects(decode(), 'ERR_DATA_CORRUPT', /16385 x 1 pixels; a side may have 16384/);
    await rejects(
      decodeImages([image], { size: SIZE }),
      'ERR_DATA_CORRUPT',
      /16385 x 1 .*expected 112 x 112/,
    );
    await rejects(
      decodeImages([image.subarray(0, 20)], { size: SIZE }),
      'ERR_DATA_CORRUPT',
      /PNG image has no header/,
    );
  });

  it('tells of one image where several are damaged, each in its own way', async () => {
    const speckled = Buffer.from(pixels(0).map((_, i) => i * i));
    const damaged = (await raw(speckled).jpeg().toBuffer()).subarray(0, 3000);
    const images = [damaged, damaged, Buffer.from('no image')];
    await rejects(decodeImages(images, { size: SIZE, exact: true }), 'ERR_DATA_CORRUPT', /images: image \d/);
    await rejects(decodeImages(images, { size: SIZE }), 'ERR_DATA_CORRUPT', /images: image \d/);
    await new Promise((resolve) => setTimeout(resolve, 50)); // nothing is left that fails with nobody to hear of it
  });

  it('answers every truncation and every flipped byte with a typed error or an image', async () => {
    const good = jpeg(5, 16);
    const lossless = await png(5, 16);
    const out = new Uint8Array(16 * 16 * 3);
    for (const [image, stride] of [
      [good, 1],
      [lossless, 3],
    ] as const)
      for (let at = 0; at < image.length; at += stride) {
        const flipped = Buffer.from(image);
        flipped[at]! ^= 0xff;
        for (const bytes of [flipped, image.subarray(0, at)])
          await onlyTyped(async () => await decodeInto(bytes, out, { size: [16, 16] }, 'x'), `byte ${at}`);
      }
    assert.ok(
      (await onlyTyped(
        async () => await decodeInto(good.subarray(0, good.length >> 1), out, { size: [16, 16] }, 'x'),
        '',
      )) instanceof KappaError,
    );
  });
});
