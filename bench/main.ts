import { parseArgs } from 'node:util';

import { benchHead } from './head';
import { printRows, writeRows } from './rows';
import type { BenchRow } from './rows';

const benches: Record<string, (options: { quick: boolean }) => Promise<BenchRow[]>> = { head: benchHead };

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false }, json: { type: 'string' } },
  });
  const [name = ''] = positionals;
  const bench = benches[name];
  if (!bench || positionals.length !== 1) {
    console.error(
      `Usage: npm run bench -- NAME [--quick] [--json FILE]; names: ${Object.keys(benches).join(', ')}`,
    );
    process.exitCode = 2;
    return;
  }
  const rows = await bench({ quick: values.quick });
  printRows(rows);
  if (values.json !== undefined) writeRows(values.json, rows);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
