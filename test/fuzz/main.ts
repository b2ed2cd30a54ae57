import { SingleBar } from 'cli-progress';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { spawnSync } from 'node:child_process';
import { replayInput, runCampaign, type CampaignOptions } from './campaign';
import type { CampaignState } from './state';
import { targets } from './targets';

const ROOT = path.join(__dirname, '..', '..');
// Parsers in C++ have a coverage-guided fuzzer of their own.
const NATIVE: Record<string, string> = {
  'tensor-file': 'the native reader of tensor files, guided by coverage',
  broken: 'a native parser that is broken on purpose, which must be found',
};
const USAGE = `Usage: npm run fuzz -- NAME [--inputs N] [--seed S] [--restart]
       npm run fuzz -- NAME --replay FILE
A campaign that was interrupted goes on where it was; --restart begins anew.
Names:
${[...targets.map(({ name, about }) => [name, about] as const), ...Object.entries(NATIVE)]
  .map(([name, about]) => `  ${name.padEnd(14)}${about}`)
  .join('\n')}`;

async function main(): Promise<void> {
  if (NATIVE[process.argv[2] ?? ''] !== undefined) {
    const script = path.join(ROOT, 'scripts', 'dev', 'fuzz-native.js');
    const { status } = spawnSync(process.execPath, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
    process.exitCode = status ?? 1;
    return;
  }
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      inputs: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      restart: { type: 'boolean', default: false },
      replay: { type: 'string' },
    },
  });
  const target = targets.find(({ name }) => name === positionals[0]);
  const [inputs, seed] = [Number(values.inputs), Number(values.seed)];
  if (
    !target ||
    positionals.length !== 1 ||
    !Number.isInteger(seed) ||
    !(Number.isInteger(inputs) && inputs > 0)
  ) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  const folder = path.join(ROOT, 'build', 'fuzz', `${target.name}-${values.replay ? 'replay' : seed}`);
  const options: CampaignOptions = { target, targets: path.join(__dirname, 'targets'), seed, inputs, folder };
  if (values.replay !== undefined) {
    report(await replayInput({ ...options, inputs: 1 }, readFileSync(values.replay)), 0);
    return;
  }
  if (values.restart) rmSync(folder, { recursive: true, force: true });
  const bar = new SingleBar({
    format: `${target.name} [{bar}] {value}/{total} inputs, {duration} s, {eta} s left`,
    noTTYOutput: true,
    notTTYSchedule: 10_000,
    hideCursor: false,
    stream: process.stderr,
  });
  const start = performance.now();
  bar.start(inputs, 0);
  let state: CampaignState;
  try {
    state = await runCampaign({ ...options, onProgress: (done) => bar.update(done) });
    bar.update(state.next);
  } finally {
    bar.stop();
  }
  report(state, (performance.now() - start) / 1000);
}

function report(state: CampaignState, seconds: number): void {
  const answers = Object.entries(state.answers).sort(([, a], [, b]) => b - a);
  console.log(
    `${state.target}, seed ${state.seed}: ${state.next} inputs, ${seconds.toFixed(0)} s in this run`,
  );
  for (const [answer, count] of answers) console.log(`  ${answer.padEnd(20)}${count}`);
  console.log(
    `  ${state.signatures.length} different answers, ${state.kept.length} inputs kept, slowest ${state.slowest.milliseconds.toFixed(1)} ms, peak ${state.peakMiB} MiB`,
  );
  for (const { index, kind, what, file } of state.findings)
    console.log(
      `FOUND ${kind} at input ${index}: ${what}\n  replay: npm run fuzz -- ${state.target} --replay ${path.relative('', file)}`,
    );
  if (state.findings.length > 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
