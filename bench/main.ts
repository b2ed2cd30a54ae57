import { parseArgs } from 'node:util';

import { benchData } from './data/bench';
import { benchDistributed } from './distributed/bench';
import { benchEval } from './eval/bench';
import { benchGpu } from './gpu/bench';
import { benchHead } from './head/bench';
import { benchTraining } from './training/bench';
import { BenchRows, printRows } from './rows';
import type { BenchOptions } from './rows';

const benches: Record<string, (options: BenchOptions) => Promise<void>> = {
  data: benchData,
  distributed: benchDistributed,
  eval: benchEval,
  gpu: benchGpu,
  head: benchHead,
  training: benchTraining,
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      resume: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      device: { type: 'string', default: 'cuda' },
      seconds: { type: 'string', default: '180' },
    },
  });
  const [name = ''] = positionals;
  const bench = benches[name];
  if (!bench || positionals.length !== 1 || (values.resume && values.json === undefined)) {
    console.error(
      `Usage: npm run bench -- NAME [--quick] [--only TEXT] [--json FILE [--resume]] [--device DEVICE] [--seconds LIMIT]; names: ${Object.keys(benches).join(', ')}`,
    );
    process.exitCode = 2;
    return;
  }
  const rows = new BenchRows(values.json, values.resume);
  const { quick, only, device } = values;
  await bench({ quick, only, device, seconds: Number(values.seconds), rows });
  printRows(rows.all);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
