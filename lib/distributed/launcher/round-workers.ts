import path from 'node:path';
import type { RoundMessage, StartMessage } from './messages';
import type { Sink } from './output';
import type { LaunchPlan } from './plan';
import type { GroupWorker } from './worker-group';

/** Where the output of all workers ends. */
export interface Terminal {
  readonly stdout: Sink;
  readonly stderr: Sink;
}

/**
 * The workers of one node in a round: which ranks it has, and what each is told by its environment, in the names that
 * torchrun uses.
 */
export function roundWorkers(
  plan: LaunchPlan,
  round: RoundMessage,
  { masterAddress, masterPort }: StartMessage,
  terminal: Terminal,
): GroupWorker[] {
  const { nodeRank, nodes } = round;
  const own = nodes[nodeRank]!;
  const sum = (some: RoundMessage['nodes']): number =>
    some.reduce((total, { processes }) => total + processes, 0);
  const [firstRank, worldSize] = [sum(nodes.slice(0, nodeRank)), sum(nodes)];
  const shared = {
    WORLD_SIZE: worldSize,
    LOCAL_WORLD_SIZE: own.processes,
    GROUP_RANK: nodeRank,
    GROUP_WORLD_SIZE: nodes.length,
    MASTER_ADDR: masterAddress,
    MASTER_PORT: masterPort,
    TORCHELASTIC_RESTART_COUNT: round.restartCount,
    TORCHELASTIC_MAX_RESTARTS: plan.maxRestarts,
    TORCHELASTIC_RUN_ID: plan.runId,
    // A launcher around this one may serve a store; this one serves none.
    TORCHELASTIC_USE_AGENT_STORE: 'False',
    KAPPA_LAUNCH: round.launch,
    KAPPA_ROUND: round.round,
    KAPPA_NODE_ADDR: own.address,
  };
  let hasFileError = false;
  const onFileError = (error: Error): void => {
    if (!hasFileError) plan.onMessage(`The logs of this run cannot be written: ${error.message}.`);
    hasFileError = true;
  };
  return Array.from({ length: own.processes }, (_, localRank) => {
    const rank = firstRank + localRank;
    const variables = { ...shared, RANK: rank, LOCAL_RANK: localRank };
    const target = (name: 'stdout' | 'stderr') => ({
      terminal: plan.shows(localRank)[name] ? terminal[name] : undefined,
      prefix: rank === 0 ? '' : `[rank ${rank}] `,
      file:
        plan.logFolder === undefined
          ? undefined
          : path.join(plan.logFolder, `attempt_${round.round}`, String(rank), `${name}.log`),
      onFileError,
    });
    return {
      rank,
      nodeRank,
      host: own.host,
      command: plan.command,
      env: { ...plan.env, ...texts(variables) },
      stdout: target('stdout'),
      stderr: target('stderr'),
    };
  });
}

function texts(variables: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)]));
}
