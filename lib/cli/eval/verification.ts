import { Option, type Command } from 'commander';
import type { VerificationResult } from '../../eval/metrics/verification';
import { exitCodes } from '../exit-codes';
import { JSON_DOC, wholeNumber, type Action } from '../flags';
import { runLongTask, type TaskHooks } from '../long-task';
import { printJson, printText } from '../output';

/** Options of `kappa eval verification`. */
export interface EvalVerificationOptions {
  /** Verification sets (.bin). */
  data: string[];
  /** Images in one forward pass. */
  batchSize?: number;
  /** Where the backbone runs: by default where it was trained, or on the CPU where that is not available. */
  device?: string;
  /** Arithmetic of the products: by default that of the training where the device computes it fast, else float32. */
  precision?: 'float32' | 'bfloat16' | 'float16';
  /** Compute threads. By default KAPPA_THREADS, or as many as this process may keep busy. */
  threads?: number;
  json?: boolean;
}

/** Adds `kappa eval verification`. */
export function addVerification(evaluate: Command, action: Action): void {
  evaluate
    .command('verification')
    .description(
      '1:1 face verification on .bin files such as lfw.bin, cfp_fp.bin, agedb_30.bin: accuracy, TAR at FAR, AUC, EER',
    )
    .argument('<checkpoint>', "a checkpoint's folder, like runs/base/checkpoints/best")
    .requiredOption('--data <file...>', 'verification sets')
    .option('--batch-size <images>', 'images in one forward pass', wholeNumber)
    .option('--device <device>', 'cpu, cuda or cuda:N; by default where the model was trained')
    .addOption(
      new Option(
        '--precision <name>',
        'arithmetic of the products; by default that of the training where the device computes it fast, else float32',
      ).choices(['float32', 'bfloat16', 'float16']),
    )
    .option(
      '--threads <number>',
      'compute threads (default: KAPPA_THREADS, or as many as this process may keep busy)',
      wholeNumber,
    )
    .option('--json', JSON_DOC)
    .action(action(evalVerificationCommand));
}

/** `kappa eval verification`: evaluates a checkpoint on verification sets. */
async function evalVerificationCommand(target: string, options: EvalVerificationOptions): Promise<number> {
  const run = await runLongTask('Embedding images', (hooks) => evaluate(target, options, hooks));
  if ('exitCode' in run) return run.exitCode;
  const { folder, results } = run.result;
  if (options.json) printJson({ results });
  else printText(`${folder}\n${await formatResults(results)}`.trimEnd());
  return exitCodes.ok;
}

async function evaluate(
  target: string,
  { data, batchSize, device, precision, threads }: EvalVerificationOptions,
  { signal, onProgress, onMessage }: TaskHooks,
): Promise<{ folder: string; results: VerificationResult[] }> {
  const { readEnvironment } = await import('../../env');
  const { setThreads } = await import('../../runtime/settings');
  const { readVerificationSet } = await import('../../data/protocols/verification-set');
  const { evaluateVerification } = await import('../../eval/verification');
  const { resolveCheckpoint } = await import('../../run/checkpoint');
  const { loadBackbone } = await import('../../run/load-backbone');

  const folder = await resolveCheckpoint(target);
  await setThreads(threads ?? readEnvironment().threads);
  const backbone = await loadBackbone(folder, { device, precision });
  try {
    const results: VerificationResult[] = [];
    for (const file of data) {
      const set = await readVerificationSet(file);
      results.push(
        await evaluateVerification(backbone, set, {
          batchSize,
          signal,
          onMessage,
          onProgress: (done, total) => onProgress(done, total, `Embedding ${set.name}`),
        }),
      );
    }
    return { folder, results };
  } finally {
    backbone.dispose();
  }
}

async function formatResults(results: readonly VerificationResult[]): Promise<string> {
  const { formatTable } = await import('../../report/console/table');
  const percent = (share: number): string => (share * 100).toFixed(2);
  const rows = results.map((r) => [
    r.name,
    percent(r.accuracy),
    percent(r.std),
    r.threshold.toFixed(3),
    percent(r.val),
    percent(r.auc),
    percent(r.eer),
    r.xnorm.toFixed(2),
    r.pairs,
  ]);
  const header = [
    'set',
    'accuracy %',
    'std',
    'threshold',
    'TAR@FAR=1e-3 %',
    'AUC %',
    'EER %',
    'XNorm',
    'pairs',
  ];
  return formatTable(header, rows);
}
