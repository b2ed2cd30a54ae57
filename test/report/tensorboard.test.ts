import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { crc32c, maskedCrc32c } from '../../lib/report/tensorboard/crc32c';
import { EventFile } from '../../lib/report/tensorboard/event-file';
import { throws } from '../support/assert';
import { readEvents, slowCrc32c } from '../support/event-reader';
import { temporaryFolder } from '../support/folder';

const HISTOGRAM = { min: 1, max: 9, sum: 40, sumOfSquares: 300, limits: [2, 5, 10], counts: [3, 0, 5] };

/** A Python that has TensorBoard; `KAPPA_TENSORBOARD_PYTHON` names another one than the path's. */
function tensorboardPython(): string | undefined {
  const { KAPPA_TENSORBOARD_PYTHON: python = 'python3' } = process.env;
  const { status } = spawnSync(python, [
    '-c',
    'import tensorboard.backend.event_processing.event_accumulator',
  ]);
  return status === 0 ? python : undefined;
}

describe('CRC-32C', () => {
  it('is that of RFC 3720', () => {
    const bytes = (fill: (i: number) => number): Uint8Array =>
      Uint8Array.from({ length: 32 }, (_, i) => fill(i));
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
    assert.equal(crc32c(bytes(() => 0)), 0x8a9136aa);
    assert.equal(crc32c(bytes(() => 0xff)), 0x62a8ab43);
    assert.equal(crc32c(bytes((i) => i)), 0x46dd794e);
    assert.equal(crc32c(bytes((i) => 31 - i)), 0x113fdb5c);
    assert.equal(crc32c(new Uint8Array()), 0);
    for (let length = 0; length < 300; length += 7) {
      const text = Uint8Array.from({ length }, (_, i) => (i * 73 + length) % 256);
      assert.equal(crc32c(text), slowCrc32c(text));
    }
  });

  it('is masked as in TFRecord files', () => {
    // Of the length 24 as eight bytes, the first record of many files: a3 7f 4b 22.
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(24n);
    assert.equal(maskedCrc32c(length), 0x224b7fa3);
  });
});

describe('an events file', () => {
  const root = temporaryFolder();
  let folders = 0;
  const newFolder = (): string => path.join(root, `${folders++}`);

  it('has scalars and histograms, and says its version first', () => {
    const file = EventFile.create(newFolder());
    const step = 3_000_000_000;
    file.append({
      step,
      scalars: { 'train/loss': 1.5, 'ümlaut/<b>': -2 },
      histograms: { 'classes/kappa': HISTOGRAM },
    });
    file.close();
    const [first, second, ...more] = readEvents(readFileSync(file.path));
    assert.deepEqual([first?.fileVersion, first?.step, more], ['brain.Event:2', 0, []]);
    assert.equal(second?.step, step);
    assert.deepEqual(second?.scalars, { 'train/loss': 1.5, 'ümlaut/<b>': -2 });
    const { min, max, sum, limits, counts } = HISTOGRAM;
    assert.deepEqual(second?.histograms, { 'classes/kappa': { min, max, num: 8, sum, limits, counts } });
    assert.ok(Math.abs((second?.wallTime ?? 0) - Date.now() / 1000) < 60);
  });

  it('leaves numbers out that are not finite', () => {
    const file = EventFile.create(newFolder());
    file.append({ step: 1, scalars: { good: 1, bad: NaN, worse: Infinity } });
    file.close();
    assert.deepEqual(readEvents(readFileSync(file.path))[1]?.scalars, { good: 1 });
  });

  it('is another one each time, whose name comes later', () => {
    const folder = newFolder();
    for (let i = 0; i < 5; i++) EventFile.create(folder, i).close();
    const names = readdirSync(folder).sort();
    assert.equal(names.length, 5);
    const restarts = names.map(
      (name) => readEvents(readFileSync(path.join(folder, name))).find(({ isRestart }) => isRestart)?.step,
    );
    assert.deepEqual(restarts, [1, 2, 3, 4, 5]);
  });

  it('says where it cannot be, and that it was closed', () => {
    const folder = newFolder();
    writeFileSync(folder, '');
    throws(() => EventFile.create(folder), 'ERR_IO', /TensorBoard/);
    const file = EventFile.create(newFolder());
    file.close();
    file.close();
    throws(() => file.append({ step: 1 }), 'ERR_DISPOSED', /closed/);
  });

  it('is read by TensorBoard, which drops what a resumed run makes anew', function () {
    this.timeout(120_000);
    const python = tensorboardPython();
    if (python === undefined) {
      console.log(
        '      skipped: no Python with tensorboard here (pip install tensorboard, KAPPA_TENSORBOARD_PYTHON)',
      );
      this.skip();
    }
    const folder = newFolder();
    mkdirSync(folder);
    const write = (restartAfter: number | undefined, steps: readonly number[], loss: number): void => {
      const file = EventFile.create(folder, restartAfter);
      for (const step of steps)
        file.append({
          step,
          scalars: { 'train/loss': loss + step },
          histograms: { 'classes/kappa': HISTOGRAM },
        });
      file.close();
    };
    write(undefined, [1, 2, 3, 4], 100);
    write(2, [3, 4, 5], 200);
    const script = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0, 'histograms': 0, 'tensors': 0})
events.Reload()
histogram = events.Histograms('classes/kappa')[-1].histogram_value
print(json.dumps({
  'tags': events.Tags()['scalars'],
  'loss': [[e.step, e.value] for e in events.Scalars('train/loss')],
  'histogram': [e.step for e in events.Histograms('classes/kappa')],
  'limits': list(histogram.bucket_limit), 'counts': list(histogram.bucket), 'num': histogram.num,
}))`;
    const read = JSON.parse(
      execFileSync(python, ['-c', script, folder], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    ) as unknown;
    assert.deepEqual(read, {
      tags: ['train/loss'],
      loss: [
        [1, 101],
        [2, 102],
        [3, 203],
        [4, 204],
        [5, 205],
      ],
      histogram: [1, 2, 3, 4, 5],
      ...{ limits: HISTOGRAM.limits, counts: HISTOGRAM.counts, num: 8 },
    });
  });
});
