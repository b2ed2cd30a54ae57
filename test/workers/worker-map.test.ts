import assert from 'node:assert/strict';
import path from 'node:path';
import { mapInWorkers } from '../../lib/workers/worker-map';
import { rejects } from '../support/assert';

type Task = number | 'fail' | 'crash';

describe('work on threads', () => {
  const file = path.join(__dirname, 'worker-map-worker');
  const squares = (
    tasks: Iterable<Task>,
    options: { workers?: number; signal?: AbortSignal } = { workers: 2 },
  ) => mapInWorkers<Task, number>(file, tasks, { what: 'square numbers', ...options });

  async function all(work: AsyncIterable<number>): Promise<number[]> {
    const results: number[] = [];
    for await (const result of work) results.push(result);
    return results;
  }

  it('yields results in the order of the tasks, which are drawn only a few ahead', async () => {
    let drawn = 0;
    const tasks = (function* () {
      while (drawn < 25) yield drawn++;
    })();
    const results: number[] = [];
    for await (const result of squares(tasks)) {
      results.push(result);
      assert.ok(drawn <= results.length + 8, `${drawn} drawn for ${results.length} results`);
    }
    assert.deepEqual(
      results,
      Array.from({ length: 25 }, (_, i) => i * i),
    );
  });

  it('passes a typed error on, and tells of a crash', async () => {
    await rejects(all(squares([1, 2, 'fail', 4])), 'ERR_DATA_CORRUPT', /^task 3 is bad$/);
    await rejects(
      all(squares([1, 'crash'])),
      'ERR_INTERNAL',
      /should square numbers failed: it ended with code 7/,
    );
  });

  it('does the tasks in the calling thread where it has no workers, and lets events come to their turn', async () => {
    const controller = new AbortController();
    const inThread = (task: number) => Promise.resolve(task * task);
    const work = mapInWorkers<number, number>(file, [1, 2, 3, 4, 5], {
      what: 'square numbers',
      workers: 0,
      signal: controller.signal,
      inThread,
    });
    const results: number[] = [];
    setImmediate(() => setImmediate(() => controller.abort()));
    await rejects(
      (async () => {
        for await (const result of work) results.push(result);
      })(),
      'ERR_CANCELLED',
      /square numbers was interrupted/,
    );
    assert.deepEqual(results, [1, 4, 9].slice(0, results.length));
    assert.ok(results.length > 0);
  });

  it('ends when it is interrupted, when its source fails, and when nobody wants more', async () => {
    const controller = new AbortController();
    const work = squares(
      (function* () {
        for (let i = 0; ; i = (i + 1) % 20) yield i;
      })(),
      { workers: 1, signal: controller.signal },
    );
    await work.next();
    controller.abort();
    await rejects(all(work), 'ERR_CANCELLED', /square numbers was interrupted/);

    const failing = (function* (): Generator<Task> {
      yield 1;
      throw new Error('the source is dry');
    })();
    await assert.rejects(all(squares(failing)), /^Error: the source is dry$/);

    let returned = false;
    const endless = (function* (): Generator<Task> {
      try {
        for (;;) yield 1;
      } finally {
        returned = true;
      }
    })();
    for await (const result of squares(endless, { workers: 1 })) {
      assert.equal(result, 1);
      break;
    }
    assert.ok(returned);
  });
});
