import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { TrainingProgress, type ProgressState } from '../../lib/report/console/progress';

const state: ProgressState = {
  step: 50,
  epoch: 1,
  loss: 12.34567,
  lr: 0.0125,
  imagesPerSecond: 103.7,
  margins: { min: 0.31, mean: 0.55, max: 0.8 },
};

function outputOf(isTTY: boolean): {
  stream: PassThrough & { isTTY: boolean; columns: number };
  text: () => string;
} {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 200 });
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { stream, text: () => text };
}

describe('training progress', () => {
  it('prints plain lines at intervals where there is no terminal', () => {
    const { stream, text } = outputOf(false);
    let now = 0;
    const progress = new TrainingProgress(stream, {
      totalSteps: 200,
      epochs: 4,
      intervalSeconds: 10,
      now: () => now,
    });
    progress.start();
    now = 9_000;
    progress.update({ ...state, step: 45 });
    assert.equal(text(), '');
    now = 10_000;
    progress.update(state);
    const line =
      'epoch 2/4 | step 50/200 | loss 12.35 | lr 0.0125 | 104 img/s | margin 0.55 (0.31-0.80) | 30s left\n';
    assert.equal(text(), line);
    now = 19_000;
    progress.update({ ...state, step: 95 });
    assert.equal(text(), line);
    progress.message('saved');
    assert.equal(text(), `${line}saved\n`);
  });

  it('leaves the last state as a line, once', () => {
    const { stream, text } = outputOf(false);
    const progress = new TrainingProgress(stream, { totalSteps: 50, epochs: 2, now: () => 0 });
    progress.start();
    progress.update({ ...state, loss: NaN, margins: undefined });
    progress.stop();
    progress.stop();
    progress.update(state);
    assert.equal(text(), 'epoch 2/2 | step 50/50 | loss NaN | lr 0.0125 | 104 img/s\n');
  });

  it('counts the time left from where a run was resumed', () => {
    const { stream, text } = outputOf(false);
    let now = 0;
    const progress = new TrainingProgress(stream, { totalSteps: 200, epochs: 4, now: () => now });
    progress.start(40);
    now = 100_000;
    progress.update(state);
    // 10 steps took 100 seconds, 150 are left.
    assert.match(text(), /\| 25m 00s left\n$/);
  });

  it('draws a bar on a terminal, with messages above it', () => {
    const { stream, text } = outputOf(true);
    const progress = new TrainingProgress(stream, { totalSteps: 100, epochs: 2 });
    progress.start();
    progress.update(state);
    progress.message('lfw 99.83%');
    progress.stop();
    const shown = text();
    assert.match(shown, /\[={10} {10}\] epoch 2\/2 \| step 50\/100 \| loss 12.35/);
    assert.match(shown, /lfw 99\.83%\n/);
    assert.ok(shown.endsWith('left\n'), 'the bar is replaced by its last state');
    assert.ok(
      !shown.includes('\x1b[?25l') && !shown.includes('\x1b[?7l'),
      'cursor and wrapping stay as they are',
    );
  });

  it('adds no signal handlers, which belong to the run', () => {
    const { stream } = outputOf(true);
    const before = process.listenerCount('SIGINT');
    const progress = new TrainingProgress(stream, { totalSteps: 100, epochs: 2 });
    progress.start();
    assert.equal(process.listenerCount('SIGINT'), before);
    progress.stop();
  });
});
