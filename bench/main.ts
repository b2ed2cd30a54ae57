import { parseArgs } from 'node:util';

import { benchData } from './data';
import { benchHead } from './head';
import { printRows, writeRows } from './rows';
import type { BenchOptions, BenchRow } from './rows';

const benches: Record<string, (options: BenchOptions) => Promise<BenchRow[]>> = {
  data: benchData,
  head: benchHead,
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      only: { type: 'string', default: '' },
    },
  });
  const [name = ''] = positionals;
  const bench = benches[name];
  if (!bench || positionals.length !== 1) {
    console.error(
      `Usage: npm run bench -- NAME [--quick] [--only TEXT] [--json FILE]; names: ${Object.keys(benches).join(', ')}`,
    );
    process.exitCode = 2;
    return;
  }
  const rows = await bench({ quick: values.quick, only: values.only });
  printRows(rows);
  if (values.json !== undefined) writeRows(values.json, rows);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
