import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { WorkProgress } from '../../lib/report/console/work-progress';

function outputOf(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 200 });
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { stream, text: () => text };
}

describe('progress of work that counts', () => {
  it('prints a line every ten seconds where there is no terminal, with the time left', () => {
    const { stream, text } = outputOf(false);
    let now = 0;
    const progress = new WorkProgress(stream, { now: () => now });
    progress.update('Packing images', 100, 1000);
    now = 9_999;
    progress.update('Packing images', 199, 1000);
    assert.equal(text(), '');
    now = 10_000;
    // 100 images took 10 seconds; those that were there at first do not count.
    progress.update('Packing images', 200, 1000);
    const line = 'Packing images: 200 of 1000, 1m 20s left\n';
    assert.equal(text(), line);
    now = 19_000;
    progress.update('Packing images', 900, 1000);
    progress.stop();
    progress.stop();
    assert.equal(text(), line);
  });

  it('begins anew with another title', () => {
    const { stream, text } = outputOf(false);
    let now = 0;
    const progress = new WorkProgress(stream, { now: () => now });
    progress.update('lfw', 0, 100);
    now = 60_000;
    progress.update('cfp_fp', 0, 100);
    now = 70_000;
    progress.update('cfp_fp', 50, 100);
    assert.equal(text(), 'cfp_fp: 50 of 100, 10s left\n');
  });

  it('tells amounts in their unit, and no total where there is none', () => {
    const { stream, text } = outputOf(false);
    let now = 0;
    const progress = new WorkProgress(stream, { now: () => now, amount: (bytes) => `${bytes / 1e6} MB` });
    for (const [done, total] of [[3e6], [4e6, 8e6]]) {
      progress.update('Fetching', 0, total);
      now += 10_000;
      progress.update('Fetching', done!, total);
    }
    assert.equal(text(), 'Fetching: 3 MB\nFetching: 4 MB of 8 MB, 20s left\n');
  });

  it('draws a bar on a terminal, with messages above it, and takes it away in the end', () => {
    const { stream, text } = outputOf(true);
    const progress = new WorkProgress(stream);
    progress.update('Packing images', 0, 100);
    progress.update('Packing images', 50, 100);
    progress.message('skipped: one');
    const shown = text();
    assert.match(shown, /\[={10} {10}\] Packing images: 50 of 100/);
    assert.match(shown, /skipped: one\n/);
    progress.stop();
    const after = text().length;
    progress.message('done');
    assert.equal(text().slice(after), 'done\n');
  });

  it('draws no bar where the total is not known', () => {
    const { stream, text } = outputOf(true);
    const progress = new WorkProgress(stream);
    progress.update('Fetching', 7);
    progress.message('still here');
    progress.stop();
    assert.match(text(), /Fetching: 7/);
    assert.doesNotMatch(text(), /\[=* *\]/);
  });
});
