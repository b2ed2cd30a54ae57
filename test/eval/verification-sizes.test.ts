import assert from 'node:assert/strict';
import sharp from 'sharp';
import { sizeNote } from '../../lib/eval/verification';
import { anyBytes, jpeg } from '../support/faces';

describe('the note on sizes of a verification set', () => {
  const set = (...images: Buffer[]) => ({ name: 'own', images, isSame: [true] });

  it('counts the images of each size and what is done to them', async () => {
    const oblong = await sharp({ create: { width: 200, height: 150, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const note = await sizeNote(set(jpeg(1, 250), jpeg(2, 8), jpeg(3), oblong), 112);
    assert.match(note!, /^own: 3 of 4 images are not 112 x 112 pixels: /);
    for (const size of ['250 x 250 (1)', '8 x 8 (1)', '200 x 150 (1)']) assert.ok(note!.includes(size), size);
    assert.match(note!, /2 shrunk, 1 enlarged, 1 that are not square cut at their longer side/);
  });

  it('is none where all have the size, or are damaged', async () => {
    assert.equal(await sizeNote(set(jpeg(1), jpeg(2)), 112), undefined);
    assert.equal(await sizeNote(set(jpeg(1), anyBytes(2)), 112), undefined);
  });
});
