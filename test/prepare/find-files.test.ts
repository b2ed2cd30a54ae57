import assert from 'node:assert/strict';
import path from 'node:path';
import { readVerificationSet } from '../../lib/data/protocols/verification-set';
import { imageFormat } from '../../lib/image/format';
import { makePairSet } from '../../lib/prepare/pair-set';
import { rejects } from '../support/assert';
import { jpeg, png } from '../support/faces';
import { temporaryFolder, writeFile, writeFiles } from '../support/folder';

const workers = 0;

describe('listed images with another ending', () => {
  const folder = temporaryFolder();
  const at = (name: string) => path.join(folder, name);
  const said: string[] = [];
  const onMessage = (text: string) => said.push(text);
  beforeEach(() => (said.length = 0));

  it("are found for LFW's lists, whatever the ending", async () => {
    writeFiles(at('lfw'), {
      'A/A_0001.png': await png(1),
      'A/A_0002.JPG': jpeg(2),
      'B/B_0001.jpeg': jpeg(3),
      'B/B_0001.txt': 'notes',
    });
    const list = writeFile(folder, 'pairs.txt', '1\t1\nA\t1\t2\nA\t1\tB\t1\n');
    const result = await makePairSet(at('lfw'), list, at('out'), { workers, onMessage });
    assert.equal(result.pairs, 2);
    const { images } = await readVerificationSet(result.verification);
    assert.deepEqual(images.map(imageFormat), ['png', 'jpeg', 'png', 'jpeg']);
    assert.deepEqual(said, []);
  });

  it('are found for lists of paths, which is said; the listed one goes first', async () => {
    writeFiles(at('own'), { 'a/1.png': await png(1), 'a/2.jpg': jpeg(2), 'a/2.png': await png(9) });
    const list = writeFile(folder, 'own.txt', 'a/1.jpg a/2.jpg 1\n');
    const result = await makePairSet(at('own'), list, at('own-out'), { workers, onMessage });
    const { images } = await readVerificationSet(result.verification);
    assert.deepEqual(images.map(imageFormat), ['png', 'jpeg']);
    assert.match(
      said.join(),
      /1 of 2 images lie in .* another ending than .*own\.txt says \(the first: a\/1\.jpg\)/,
    );
  });

  it('are named where there is none, with the likely reason', async () => {
    const making = (text: string) =>
      makePairSet(at('own'), writeFile(folder, 'bad.txt', text), at('bad'), { workers });
    await rejects(
      making('a/7.jpg a/1.png 1\n'),
      'ERR_DATA_NOT_FOUND',
      /a\/7\.jpg: there is no such file, nor one of that name with another ending\. \(a\/7\.jpg is in .*bad\.txt/,
    );
    await rejects(
      making('a\\1.png a\\2.jpg 1\n'),
      'ERR_DATA_NOT_FOUND',
      /Its path has backslashes.*write the list with \//,
    );
  });
});
