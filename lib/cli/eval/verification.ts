import { readVerificationSet } from '../../data/protocols/verification-set';
import { evaluateVerification } from '../../eval/verification';
import type { VerificationResult } from '../../eval/metrics/verification';
import { formatTable } from '../../report/console/table';
import { setThreads } from '../../runtime/settings';
import { resolveCheckpoint } from '../../run/checkpoint';
import { loadBackbone } from '../../run/load-backbone';

export interface EvalVerificationOptions {
  /** Verification sets (.bin). */
  data: string[];
  /** Images in one forward pass. */
  batchSize?: number;
  /** Where the backbone runs: by default where it was trained, or on the CPU where that is not available. */
  device?: string;
  json?: boolean;
}

/** `kappa eval verification`: evaluates a checkpoint on verification sets. */
export async function evalVerificationCommand(
  target: string,
  options: EvalVerificationOptions,
): Promise<void> {
  const folder = await resolveCheckpoint(target);
  await setThreads();
  const backbone = await loadBackbone(folder, { device: options.device });
  const results: VerificationResult[] = [];
  for (const file of options.data) {
    const set = await readVerificationSet(file);
    const total = set.images.length;
    let shown = 0;
    const onProgress = (done: number): void => {
      const tenths = Math.floor((done / total) * 10);
      if (tenths > shown && done < total) process.stderr.write(`${set.name}: ${done} of ${total} images\n`);
      shown = tenths;
    };
    results.push(await evaluateVerification(backbone, set, { batchSize: options.batchSize, onProgress }));
  }
  backbone.dispose();
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ results })}\n`);
    return;
  }
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
  process.stdout.write(`${folder}\n${formatTable(header, rows)}`);
}
