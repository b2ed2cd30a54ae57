import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { evaluateIjbVerification, readIjb, readIjbIdentification, readNpy, Tensor, scope } from '../../lib';
import { readPairList } from '../../lib/data/protocols/pair-list';
import { readVerificationSet } from '../../lib/data/protocols/verification-set';
import { decodeImages } from '../../lib/image/decode';
import { writeSyntheticIjb } from '../../scripts/dev/synthetic/ijb';
import { writeSyntheticBin, writeSyntheticLfw, writeSyntheticYtf } from '../../scripts/dev/synthetic/pairs';
import { temporaryFolder } from '../support/folder';

describe('synthetic benchmarks', () => {
  const folder = temporaryFolder();
  const options = { folds: 3, perFold: 4, seed: 1 };

  it('have the form of LFW', async () => {
    await writeSyntheticLfw(folder, options);
    const file = path.join(folder, 'pairs.txt');
    const { pairs } = await readPairList(file);
    assert.equal(pairs.length, 24);
    assert.deepEqual(
      pairs.map(({ isSame }) => isSame),
      pairs.map((_, i) => i % 8 < 4),
    );
    for (const { a, b, isSame } of pairs) {
      assert.equal(path.dirname(a) === path.dirname(b), isSame);
      assert.notEqual(a, b);
      for (const name of [a, b]) assert.ok(existsSync(path.join(folder, 'lfw', name)), name);
    }
    const picture = readFileSync(path.join(folder, 'lfw', pairs[0]!.a));
    await assert.rejects(decodeImages([picture], { size: 112, name: 'lfw' }), /250 x 250/);
  });

  it('have the form of YouTube Faces', async () => {
    await writeSyntheticYtf(folder, options);
    const [header, ...lines] = readFileSync(path.join(folder, 'splits.txt'), 'utf8').trimEnd().split('\n');
    assert.match(header!, /^split/);
    assert.equal(lines.length, 24);
    for (const line of lines) {
      const [split, , first, second, same] = line.split(',').map((field) => field.trim());
      assert.ok(Number(split) >= 1 && Number(split) <= 3);
      assert.equal(path.dirname(first!) === path.dirname(second!), same === '1');
      for (const video of [first!, second!]) {
        const number = path.basename(video);
        const frame = path.join(folder, 'aligned_images_DB', video, `aligned_detect_${number}.5.jpg`);
        assert.ok(existsSync(frame), frame);
      }
    }
  });

  it('have the form of insightface’s sets', async () => {
    const file = path.join(folder, 'synthetic.bin');
    await writeSyntheticBin(file, options);
    const { images, isSame } = await readVerificationSet(file);
    assert.deepEqual([images.length, isSame.filter(Boolean).length], [48, 12]);
    await decodeImages(images, { size: 112, name: 'synthetic' });
  });

  it('have the form of IJB-C, with templates that are told apart', async () => {
    await writeSyntheticIjb(folder, { name: 'ijbc', scale: 0.003, dimension: 48, seed: 1 });
    const set = await readIjb('ijbc', folder);
    assert.deepEqual(set.counts, { faces: 1408, templates: 69, pairs: 46_975, genuine: 59 });
    const lists = await readIjbIdentification(set);
    assert.equal(lists.galleries[0].subjects.length + lists.galleries[1].subjects.length, 12);
    assert.equal(lists.probes.templates.length, 69 - 12);
    const { points } = await scope(async () => {
      const features = async (name: string): Promise<Tensor> => {
        const { data, rows, columns } = await readNpy(path.join(folder, name));
        return Tensor.from(data, [rows, columns], { copy: false });
      };
      const [plain, mirrored] = [await features('features.npy'), await features('mirrored.npy')];
      return evaluateIjbVerification(set, { plain, mirrored });
    });
    assert.ok(points.find(({ wanted }) => wanted === 0.01)!.tar > 0.9);
  });
});
