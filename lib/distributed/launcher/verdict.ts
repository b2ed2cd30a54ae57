import type { KappaErrorCode } from '../../errors';
import { causeOf, describeCause, mayBeConsequence } from './cause';
import type { Member } from './member';

/** What a round is stopped for; a failure weighs more than a change of nodes, and Ctrl-C more than both. */
export type StopReason = 'membership' | 'failure' | 'interrupt';

/** What to do now that no worker of a round is left. */
export type Verdict =
  | { next: 'done' }
  | { next: 'interrupted' }
  /** Another round with the nodes that are there; no restart is counted. */
  | { next: 'goOn' }
  /** Another round if a restart is left. */
  | { next: 'restart'; code: KappaErrorCode; message: string }
  | { next: 'fail'; code: KappaErrorCode; message: string };

export interface StoppedRound {
  /** The nodes that are left. */
  readonly nodes: readonly Member[];
  /** Nodes that went away, in words. */
  readonly lost: readonly string[];
  readonly reason: StopReason;
  /** Whether the number of nodes may change. */
  readonly isRange: boolean;
}

/** Finds what a round was stopped for, from what all nodes told of its end. */
export function judge({ nodes, lost, reason, isRange }: StoppedRound): Verdict {
  if (nodes.length > 0 && lost.length === 0 && nodes.every(({ hasFinished }) => hasFinished))
    return { next: 'done' };
  const cause = causeOf(nodes.flatMap(({ failures }) => failures));
  // Errors of ranks that lost sight of others are the consequence of a node that is gone.
  const isOwn = cause !== undefined && !mayBeConsequence(cause);
  const unresponsive = nodes.flatMap((node) => [...node.unresponsive]);
  const failure = cause && {
    code: (cause.code as KappaErrorCode | undefined) ?? 'ERR_PEER',
    message: describeCause(cause, unresponsive),
  };
  if (reason === 'interrupt')
    return failure && isOwn ? { next: 'fail', ...failure } : { next: 'interrupted' };
  if (reason === 'membership' || (isRange && lost.length > 0 && !isOwn)) return { next: 'goOn' };
  if (failure && (isOwn || lost.length === 0)) return { next: 'restart', ...failure };
  return { next: 'restart', code: 'ERR_PEER', message: lost.join('\n') };
}
