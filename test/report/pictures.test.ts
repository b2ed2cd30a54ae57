import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { inspectData, type DatasetReport } from '../../lib/prepare/inspect';
import { writeSheet } from '../../lib/report/pictures/contact-sheet';
import { histogramSvg, writeHistogram } from '../../lib/report/pictures/histogram';
import { mustHaveFonts, svgText } from '../../lib/report/pictures/svg';
import { writeVerificationSet } from '../../lib/data/protocols/verification-set';
import { rejects } from '../support/assert';
import { makeDataset, pixels } from '../support/faces';
import { temporaryFolder } from '../support/folder';
import { FORMAT_RGB, compressSync } from '@julusian/jpeg-turbo';

/** A flat image of one grey, so that its pixels can be told in a sheet. */
function grey(value: number): Buffer {
  const options = { format: FORMAT_RGB, width: 112, height: 112, quality: 95 };
  return Buffer.from(compressSync(Buffer.alloc(pixels(0).length, value), options));
}

describe('pictures of data', () => {
  const folder = temporaryFolder();
  const at = (name: string) => path.join(folder, name);

  before(async function () {
    try {
      await mustHaveFonts();
    } catch {
      console.log('      (skipped: this machine has no fonts)');
      this.skip();
    }
    await makeDataset(at('faces'), [1, 3, 2, 9], (i) => grey(40 + 10 * i));
  });

  it('of images per class have bars as high as their shares', async () => {
    const report = (await inspectData(at('faces'))) as DatasetReport;
    const svg = histogramSvg(report);
    const heights = [...svg.matchAll(/<rect x="[\d.]+" y="[\d.]+" width="44" height="([\d.]+)"/g)].map((m) =>
      Number(m[1]),
    );
    // Classes and images of the ranges 1, 2-3 and 8-15: 1, 2, 1 of 4 classes, 1, 5, 9 of 15 images.
    const shares = [1 / 4, 1 / 15, 2 / 4, 5 / 15, 1 / 4, 9 / 15];
    assert.equal(heights.length, shares.length);
    heights.forEach((height, i) =>
      assert.ok(Math.abs(height / heights[0]! - shares[i]! / shares[0]!) < 1e-6, `bar ${i}`),
    );
    assert.match(svg, />15 images of 4 classes: from 1 to 9 a class, median 2.5, mean 3.8</);
    await writeHistogram(at('h.svg'), report);
    assert.equal(readFileSync(at('h.svg'), 'utf8'), svg);
    await writeHistogram(at('h.png'), report);
    const { width, height } = await sharp(at('h.png')).metadata();
    assert.deepEqual([width, height], [1720, 880]);
  });

  it('of a dataset show a class a row, the largest first, the same for a seed', async () => {
    writeFileSync(at('faces/classes.json'), '["Ann <3", "Bob", "Cy & Co", "Di"]');
    await writeSheet(at('s1.png'), at('faces'), { rows: 4, columns: 3 });
    await writeSheet(at('s2.png'), at('faces'), { rows: 4, columns: 3 });
    assert.ok(readFileSync(at('s1.png')).equals(readFileSync(at('s2.png'))));
    await writeSheet(at('s3.png'), at('faces'), { rows: 4, columns: 3, seed: 2 });
    assert.ok(!readFileSync(at('s1.png')).equals(readFileSync(at('s3.png'))));
    const { data, info } = await sharp(at('s1.png')).raw().toBuffer({ resolveWithObject: true });
    /** The grey in the middle of a tile, which is the image's number. */
    const tile = (row: number, column: number) =>
      data[((24 + 58 + row * 118 + 56) * info.width + 24 + 172 + column * 118 + 56) * info.channels]!;
    const image = (row: number, column: number) => Math.round((tile(row, column) - 40) / 10);
    // Classes 3, 1, 2, 0 by size; their images are 6 to 14, 1 to 3, 4 and 5, 0.
    for (let column = 0; column < 3; column++) assert.ok(image(0, column) >= 6 && image(0, column) <= 14);
    assert.deepEqual(
      [0, 1, 2].map((column) => image(1, column)),
      [1, 2, 3],
    );
    assert.deepEqual([image(2, 0), image(2, 1), tile(2, 2)], [4, 5, 255]);
    assert.deepEqual([image(3, 0), tile(3, 1)], [0, 255]);
  });

  it('of pairs show both images and whether they are the same', async () => {
    const set = { images: [grey(50), grey(90), grey(130), Buffer.from('damaged')], isSame: [true, false] };
    await writeVerificationSet(at('v.bin'), set);
    await writeSheet(at('v.png'), at('v.bin'));
    const { data, info } = await sharp(at('v.png')).raw().toBuffer({ resolveWithObject: true });
    const pixel = (x: number, y: number) => [
      ...data.subarray((y * info.width + x) * info.channels).subarray(0, 3),
    ];
    assert.deepEqual([pixel(24 + 56, 138)[0], pixel(24 + 114 + 56, 138)[0]], [50, 90]);
    const under = 24 + 58 + 112 + 5;
    const [green, red] = [pixel(80, under), pixel(80 + 244, under)];
    assert.ok(green[1]! > green[0]! && red[0]! > red[1]!, `${green.join()} ${red.join()}`);
  });

  it('cut long texts off and escape what is markup', () => {
    const style = { size: 10, maxWidth: 60 };
    assert.match(svgText('a <b> & "c"', 0, 0, { size: 10 }), />a &lt;b&gt; &amp; &quot;c&quot;</);
    assert.match(svgText('a name that is much too long', 0, 0, style), />a name th…</);
    assert.match(svgText('\u0001x', 0, 0, style), />.x</);
  });

  it('refuse other endings and numbers, and leave nothing behind', async () => {
    const report = (await inspectData(at('faces'))) as DatasetReport;
    await rejects(writeHistogram(at('h.gif'), report), 'ERR_ARGUMENT', /h\.gif should end in \.png or \.svg/);
    await rejects(writeSheet(at('s.jpg'), at('faces')), 'ERR_ARGUMENT', /should end in \.png/);
    await rejects(writeSheet(at('s.png'), at('faces'), { rows: 0 }), 'ERR_ARGUMENT', /for rows/);
    await rejects(writeSheet(at('none/s.png'), at('faces')), 'ERR_IO', /Could not write/);
    assert.ok(!existsSync(at('none')));
  });
});
