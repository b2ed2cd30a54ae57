import type { KappaErrorCode } from '../../errors';
import type { Member } from './member';
import { PROTOCOL, type Hello } from './messages';

/** Why a launcher may not take part. */
export interface Refusal {
  code: KappaErrorCode;
  message: string;
}

interface Wanted {
  readonly runId: string;
  readonly version: string;
  readonly nodes: { readonly min: number; readonly max: number };
  readonly maxRestarts: number;
}

/** `2`, or `1:4` for a range. */
function nodesText({ min, max }: { min: number; max: number }): string {
  return min === max ? String(min) : `${min}:${max}`;
}

/**
 * Holds what a launcher says of itself against the run that it wants to join.
 *
 * @param members those that are in already
 * @returns undefined where it may come in
 */
export function admit(hello: Hello, wanted: Wanted, members: readonly Member[]): Refusal | undefined {
  const { runId, version, nodes, maxRestarts } = wanted;
  const who = `The launcher on ${hello.host}`;
  if (hello.protocol !== PROTOCOL || hello.version !== version)
    return {
      code: 'ERR_VERSION',
      message: `${who} is of kappaface ${hello.version} (protocol ${hello.protocol}), this run is of ${version} (protocol ${PROTOCOL}): install one version on all machines.`,
    };
  if (hello.runId !== runId)
    return {
      code: 'ERR_CONFIG',
      message: `${who} belongs to the run ${JSON.stringify(hello.runId)}, but here is the run ${JSON.stringify(runId)}: give all the same --rdzv-id, and each run its own port.`,
    };
  const own = [nodesText(hello.nodes), hello.maxRestarts];
  const here = [nodesText(nodes), maxRestarts];
  if (own.join() !== here.join())
    return {
      code: 'ERR_CONFIG',
      message: `${who} has --nnodes ${own[0]} and --max-restarts ${own[1]}, but here they are ${here[0]} and ${here[1]}: give all the same.`,
    };
  const { nodeRank } = hello;
  const owner = members.find((one) => one.hello.nodeRank === nodeRank && one.hello.id !== hello.id);
  if (nodeRank !== undefined && owner)
    return {
      code: 'ERR_CONFIG',
      message: `${who} has --node-rank ${nodeRank}, which ${owner.hello.host} (${owner.address}) has already: give each node its own.`,
    };
  return undefined;
}
