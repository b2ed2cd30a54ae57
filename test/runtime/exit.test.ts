import assert from 'node:assert/strict';

import { endAtWork, endings, jobsFor } from '../support/endings';

describe('the end of the process while a thread of the addon is at work', () => {
  Object.entries(endings).forEach(([ending, expected], number) => {
    it(`has its exit code, and no crash: ${ending}`, async () => {
      // Each other job, and each number of threads, has its turn over the endings; many tries: exit-tries.ts.
      const others = jobsFor(ending).slice(1);
      const jobs = new Set(['forward', others[number % others.length] ?? '', 'write']);
      const tries = [...jobs].map((job, i) => ({
        ending,
        job,
        threads: 1 + ((i + number) % 2),
        delay: [15, 60, 30][i] ?? 0,
      }));
      const ended = await Promise.all(tries.map(endAtWork));
      assert.deepEqual(
        ended,
        ended.map(() => expected),
        JSON.stringify(tries),
      );
    });
  });
});
