// Ends a process at work many times in each way, and counts how it ended, after `npm run build`:
// node -r ts-node/register/transpile-only test/runtime/exit-tries.ts [--tries 200] [--only ENDING] [--at-once 2]
import path from 'node:path';
import { parseArgs } from 'node:util';

import { endAtWork, endings, jobsFor } from '../support/endings';

const library = path.join(__dirname, '../../dist');

async function tryEnding(ending: string, tries: number, atOnce: number): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const possible = jobsFor(ending);
  let next = 0;
  const goOn = async (): Promise<void> => {
    while (next < tries) {
      const i = next++;
      const job = possible[i % possible.length] ?? '';
      const delay = [0, 5, 20, 60, 120][Math.floor(i / 2) % 5] ?? 0;
      const ended = await endAtWork({ ending, job, threads: 1 + (i % 2), delay, library });
      const key = ended === endings[ending] ? 'right' : `${job}: ${ended}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, goOn));
  return counts;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      tries: { type: 'string', default: '200' },
      only: { type: 'string', default: '' },
      'at-once': { type: 'string', default: '2' },
    },
  });
  for (const ending of Object.keys(endings).filter((name) => name.startsWith(values.only))) {
    const counts = await tryEnding(ending, Number(values.tries), Number(values['at-once']));
    const wrong = [...counts].filter(([key]) => key !== 'right');
    if (wrong.length > 0) process.exitCode = 1;
    const list = wrong.map(([key, count]) => `; ${count} times ${key}`).join('');
    console.log(`${ending}: ${counts.get('right') ?? 0} of ${values.tries} right${list}`);
  }
}

void main();
