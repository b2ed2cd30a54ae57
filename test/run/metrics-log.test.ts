import assert from 'node:assert/strict';
import fs, { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MetricsLog, readMetrics } from '../../lib/run/metrics-log';
import { temporaryFolder } from '../support/folder';

describe('metrics log', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = temporaryFolder();
    path = join(folder, 'metrics.jsonl');
  });

  const text = (): string => readFileSync(path, 'utf8');
  const steps = (): number[] => readMetrics(path).map(({ step }) => step);

  function writeSteps(...list: number[]): void {
    const log = MetricsLog.open(path);
    for (const step of list) log.append({ step, loss: step / 10 });
    log.close();
  }

  it('is one JSON object a line', () => {
    writeSteps(1, 2);
    assert.equal(text(), '{"step":1,"loss":0.1}\n{"step":2,"loss":0.2}\n');
    assert.deepEqual(readMetrics(path), [
      { step: 1, loss: 0.1 },
      { step: 2, loss: 0.2 },
    ]);
  });

  it('goes on where it ended', () => {
    writeSteps(1);
    writeSteps(2);
    assert.deepEqual(steps(), [1, 2]);
  });

  it('drops a torn last line, wherever it was torn, and goes on behind the last whole one', () => {
    writeSteps(1, 2);
    const whole = text();
    const second = '{"step":2,"loss":0.2}\n';
    for (let cut = 1; cut < second.length; cut++) {
      writeFileSync(path, whole.slice(0, -cut));
      assert.deepEqual(steps(), [1]);
      const log = MetricsLog.open(path);
      assert.equal(text(), '{"step":1,"loss":0.1}\n');
      log.append({ step: 2, loss: 0.2 });
      log.close();
      assert.equal(text(), whole);
    }
  });

  it('drops a last line of zeros, which a crash of the machine may leave', () => {
    writeSteps(1);
    writeFileSync(path, `${text()}${'\0'.repeat(10)}\n`);
    MetricsLog.open(path).close();
    assert.deepEqual(steps(), [1]);
  });

  it('forgets what came after the step that a run is resumed from', () => {
    writeSteps(10, 20, 30);
    const log = MetricsLog.open(path);
    log.truncateAfter(20);
    assert.deepEqual(steps(), [10, 20]);
    log.append({ step: 25 });
    log.truncateAfter(100);
    assert.deepEqual(steps(), [10, 20, 25]);
    log.truncateAfter(0);
    assert.equal(text(), '');
    log.append({ step: 1 });
    log.close();
    assert.deepEqual(steps(), [1]);
  });

  it('keeps all lines of the step itself', () => {
    writeSteps(10, 20, 20, 30);
    const log = MetricsLog.open(path);
    log.truncateAfter(20);
    log.close();
    assert.deepEqual(steps(), [10, 20, 20]);
  });

  it('forgets the verification of the step itself where that is made anew', () => {
    writeSteps(10, 20);
    const log = MetricsLog.open(path);
    log.append({ step: 20, verification: {} });
    log.truncateAfter(20);
    assert.deepEqual(steps(), [10, 20, 20]);
    log.truncateAfter(20, false);
    log.close();
    assert.deepEqual(
      readMetrics(path).map(({ verification }) => verification),
      [undefined, undefined],
    );
  });

  it('writes null for what is not finite', () => {
    const log = MetricsLog.open(path);
    log.append({ step: 1, loss: NaN });
    log.close();
    assert.deepEqual(readMetrics(path), [{ step: 1, loss: null }]);
  });

  it('names the line that is damaged in the middle of the file, and leaves it alone', () => {
    const damaged = '{"step":1}\n{"st\n{"step":3}\n';
    writeFileSync(path, damaged);
    const expected = { code: 'ERR_DATA_CORRUPT', message: /Line 2 \(byte 11\)/ };
    assert.throws(() => MetricsLog.open(path), expected);
    assert.throws(() => readMetrics(path), expected);
    assert.equal(text(), damaged);
  });

  it('says where it could not be opened', () => {
    assert.throws(() => MetricsLog.open(join(folder, 'nowhere', 'metrics.jsonl')), { code: 'ERR_IO' });
    assert.throws(() => readMetrics(path), { code: 'ERR_IO', message: /metrics\.jsonl/ });
  });

  it('takes a line back that the full disk holds half of', () => {
    writeSteps(1);
    const log = MetricsLog.open(path);
    const before = text();
    const { writeSync } = fs;
    let calls = 0;
    fs.writeSync = ((file: number, bytes: Buffer, offset = 0) => {
      if (calls++ > 0) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      return writeSync(file, bytes, offset, 5);
    }) as typeof fs.writeSync;
    try {
      assert.throws(() => log.append({ step: 2 }), { code: 'ERR_IO', message: /disk is full/ });
    } finally {
      fs.writeSync = writeSync;
    }
    assert.equal(calls, 2);
    assert.equal(text(), before);
    log.append({ step: 2 });
    log.close();
    assert.deepEqual(steps(), [1, 2]);
  });

  it('refuses to be used after it was closed', () => {
    const log = MetricsLog.open(path);
    log.close();
    log.close();
    assert.throws(() => log.append({ step: 1 }), { code: 'ERR_DISPOSED' });
  });
});
