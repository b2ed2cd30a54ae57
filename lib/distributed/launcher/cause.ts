import type { KappaErrorCode } from '../../errors';
import type { WorkerFailure } from './messages';

/** A failure with when it happened by the clock of whoever compares them. */
export interface DatedFailure extends WorkerFailure {
  at: number;
}

/** Codes of errors that a rank has because another one failed. */
const consequences: readonly string[] = ['ERR_PEER', 'ERR_TIMEOUT'] satisfies KappaErrorCode[];

/** Whether a failure may be the consequence of another rank's: it lost sight of the others, or waited in vain. */
export function mayBeConsequence({ code }: { code?: string }): boolean {
  return code !== undefined && consequences.includes(code);
}

/** The failure that brought the others about: the first that is no consequence, else the first. */
export function causeOf(failures: readonly DatedFailure[]): DatedFailure | undefined {
  const byTime = failures.toSorted((a, b) => a.at - b.at);
  return byTime.find((failure) => !mayBeConsequence(failure)) ?? byTime[0];
}

/** Tells a person of the cause: who, how, its error, its last lines, and who did not answer. */
export function describeCause(cause: WorkerFailure, unresponsive: readonly number[] = []): string {
  const { rank, nodeRank, host, pid, message, code, ended, step, tail } = cause;
  const at = step === undefined ? '' : ` after step ${step}`;
  const lines = [`Rank ${rank} (node ${nodeRank}, ${host}, pid ${pid}) failed${at}: ${ended}.`];
  if (message !== undefined) lines.push(`Its error: ${code === undefined ? '' : `[${code}] `}${message}`);
  if (tail.length > 0) lines.push('Its last lines:', ...tail.map((line) => `  ${line}`));
  const silent = unresponsive.filter((other) => other !== rank);
  if (silent.length > 0)
    lines.push(
      `${silent.length === 1 ? 'Rank' : 'Ranks'} ${silent.join(', ')} did not end on SIGTERM and had to be killed: stopped, or stuck.`,
    );
  return lines.join('\n');
}
