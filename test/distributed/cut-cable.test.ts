import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';

import type { TrainResult } from '../../lib';
import { readMetrics } from '../../lib/run/metrics-log';
import { temporaryFolder } from '../support/folder';
import { LaunchedRun } from '../support/launched-run';
import { NamespacePair } from '../support/namespaces';
import { tinyConfig, tinyFaces } from '../support/tiny-run';

const root = path.join(__dirname, '..', '..');
/** Seconds after which a rank gives up another one. */
const TIMEOUT = 4;

// KAPPA_SLOW_TESTS=1 runs it, and .ci/run does: launchers count each other as lost after 15 s only.
describe('training on two machines (network namespaces) whose cable is cut', function () {
  this.timeout(400_000);
  const folder = temporaryFolder();
  let machines: NamespacePair | undefined;
  let faces: string;
  const launched: LaunchedRun[] = [];

  before(async function () {
    if (process.env['KAPPA_SLOW_TESTS'] !== '1') return this.skip();
    // Only root may make them, where the system has them; workers run what is compiled.
    if (!NamespacePair.isPossible() || !existsSync(path.join(root, 'dist', 'cli', 'main.js')))
      return this.skip();
    machines = new NamespacePair();
    faces = await tinyFaces(path.join(folder, 'cache'));
  });
  after(() => machines?.remove());
  afterEach(() => launched.splice(0).forEach((run) => run.kill()));

  /** Starts the run on both machines, which have the same disk. */
  const start = (name: string, nodes: string, flags: readonly string[] = []): [LaunchedRun, LaunchedRun] => {
    const config = tinyConfig(faces, path.join(folder, name), {
      train: { epochs: 12, batchSize: 4, logEvery: 1, checkpointEvery: 2, validateEvery: 100 },
    });
    config.distributed.timeout = TIMEOUT;
    const file = path.join(folder, `${name}.yaml`);
    writeFileSync(file, stringify(config));
    const both = ([0, 1] as const).map(
      (machine) =>
        new LaunchedRun(['--nnodes', nodes, '--rdzv-endpoint', '10.77.0.1:29400', ...flags, file], {
          behind: (line) => (machines as NamespacePair).on(machine, line),
          env: { KAPPA_THREADS: '1' },
        }),
    ) as [LaunchedRun, LaunchedRun];
    launched.push(...both);
    return both;
  };
  const runOf = (name: string): string => path.join(folder, name, 'tiny');
  const lastStep = (name: string): number => {
    const file = path.join(runOf(name), 'metrics.jsonl');
    return existsSync(file) ? (readMetrics(file).at(-1)?.step ?? 0) : 0;
  };
  const result = (name: string): TrainResult =>
    JSON.parse(readFileSync(path.join(runOf(name), 'result.json'), 'utf8')) as TrainResult;
  const steps = (name: string): number[] =>
    readMetrics(path.join(runOf(name), 'metrics.jsonl'))
      .filter(({ loss }) => loss !== undefined)
      .map(({ step }) => step);

  it('names what timed out on both, and goes on when it is mended', async () => {
    const [a, b] = start('mended', '2', ['--max-restarts', '3']);
    await a.until(() => lastStep('mended') >= 4);
    machines?.cut();
    // The ranks give up each other, or the launchers do: whichever comes first.
    for (const run of [a, b]) await run.until(() => /ERR_TIMEOUT|ERR_PEER|Lost /.test(run.text));
    await a.until(() => /Lost node 1/.test(a.text));
    await b.until(() => /Lost the launcher of node 0/.test(b.text));
    const texts = [a.text, b.text];
    machines?.mend();
    assert.deepEqual(await Promise.all([a.ended, b.ended]), [0, 0], `${a.text}\n---\n${b.text}`);
    for (const [machine, text] of texts.entries())
      assert.match(
        text,
        /error \[ERR_TIMEOUT\]: Rank \d of 2, step \d+[,:] /,
        `machine ${machine}:\n${text}`,
      );
    const all = result('mended').steps;
    assert.deepEqual(
      steps('mended'),
      Array.from({ length: all }, (_, i) => i + 1),
    );
  });

  it('goes on with one machine where the other is lost for good, with the same global batch', async () => {
    const [a, b] = start('alone', '1:2', ['--max-restarts', '1']);
    await a.until(() => lastStep('alone') >= 4);
    assert.equal(b.ranks().size, 1);
    machines?.cut();
    b.kill();
    assert.equal(await a.ended, 0, a.text);
    const { steps: all } = result('alone');
    assert.deepEqual(
      steps('alone'),
      Array.from({ length: all }, (_, i) => i + 1),
    );
  });
});
