import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { FACE_TEMPLATE } from '../../lib/image/align';
import type { Point } from '../../lib/image/similarity';
import { alignImages } from '../../lib/prepare/align-images';
import { packDataset } from '../../lib/prepare/pack';
import { makePairSet } from '../../lib/prepare/pair-set';
import { rejects } from '../support/assert';
import { jpeg } from '../support/faces';
import { temporaryFolder, writeFile, writeFiles } from '../support/folder';

const workers = 0;
const swapped = [1, 0, 2, 4, 3].map((i) => FACE_TEMPLATE[i]!);
const turned = FACE_TEMPLATE.map(([x, y]): Point => [111 - x, 111 - y]);
const outside = FACE_TEMPLATE.map(([x, y]): Point => [x - 45, y]);

describe('aligning by landmarks that are wrong', () => {
  const folder = temporaryFolder();
  const at = (name: string) => path.join(folder, name);
  let lists = 0;
  const list = (faces: Record<string, readonly Point[]>) =>
    writeFile(
      folder,
      `points-${lists++}.txt`,
      Object.entries(faces)
        .map(([file, points]) => `${file} ${points.flat().join(' ')}\n`)
        .join(''),
    );

  before(() => writeFiles(at('photos'), { 'a/1.jpg': jpeg(1), 'a/2.jpg': jpeg(2), 'b/1.jpg': jpeg(3) }));

  it('stops at points that cannot be a face, in every tool, and writes none', async () => {
    const landmarks = list({ 'a/1.jpg': swapped, 'a/2.jpg': FACE_TEMPLATE, 'b/1.jpg': FACE_TEMPLATE });
    const wrong = /a\/1\.jpg: its landmarks are wrong: .*left and right are exchanged/;
    const hint = new RegExp(`${wrong.source}.*--skip-bad`);
    await rejects(alignImages(at('photos'), at('x'), { landmarks, workers }), 'ERR_DATA_CORRUPT', hint);
    await rejects(packDataset(at('photos'), at('y'), { landmarks, workers }), 'ERR_DATA_CORRUPT', hint);
    const pairs = writeFile(folder, 'pairs.txt', 'a/1.jpg a/2.jpg 1\na/2.jpg b/1.jpg 0\n');
    const making = makePairSet(at('photos'), pairs, at('z'), { landmarks, workers });
    await rejects(making, 'ERR_DATA_CORRUPT', wrong);
    // kappa data pairs has no --skip-bad.
    await making.catch((error: Error) => assert.doesNotMatch(error.message, /--skip-bad/));
    for (const file of ['x/a/1.jpg', 'y/train.rec', 'z/lfw.bin']) assert.ok(!existsSync(at(file)), file);
  });

  it('leaves them out where that is asked for', async () => {
    const landmarks = list({ 'a/1.jpg': swapped, 'a/2.jpg': FACE_TEMPLATE, 'b/1.jpg': FACE_TEMPLATE });
    const result = await alignImages(at('photos'), at('some'), { landmarks, workers, skipBad: true });
    assert.equal(result.images, 2);
    assert.match(result.skipped[0]!.reason, /left and right are exchanged/);
  });

  it('counts what may be right, on worker threads and in the calling one', async () => {
    const landmarks = list({ 'a/1.jpg': turned, 'a/2.jpg': turned, 'b/1.jpg': outside });
    for (const threads of [0, 2]) {
      const said: string[] = [];
      const options = { landmarks, workers: threads, onMessage: (text: string) => said.push(text) };
      const { images } = await alignImages(at('photos'), at(`all-${threads}`), options);
      assert.equal(images, 3);
      assert.equal(said.length, 2);
      assert.match(
        said[0]!,
        /^2 of 3 images have a face turned by more than 90 .* \(the first: .*a\/1\.jpg\)/,
      );
      assert.match(said[1]!, /^1 of 3 images have landmarks outside the image .*b\/1\.jpg/);
    }
  });

  it('knows the points of a list that stand in another order', async () => {
    const [xs, ys] = [0, 1].map((k) => FACE_TEMPLATE.map((point) => point[k as 0 | 1]));
    const line = (numbers: number[]) => `0\ta/1.jpg\t0\t0\t0\t111\t111\t${numbers.join('\t')}\n`;
    const good = writeFile(at('photos'), 'good.lst', line([...xs!, ...ys!]));
    assert.equal((await alignImages(good, at('good'), { workers })).images, 1);
    const bad = writeFile(at('photos'), 'bad.lst', line(FACE_TEMPLATE.flat()));
    await rejects(
      alignImages(bad, at('bad'), { workers }),
      'ERR_DATA_CORRUPT',
      /numbers stand as x1 y1 x2 y2 \.\.\.; a \.lst has x1/,
    );
  });
});
