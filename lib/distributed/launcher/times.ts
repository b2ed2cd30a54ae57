/** How long the launchers of a run wait for what, in milliseconds. */
export interface LauncherTimes {
  /** From SIGTERM to SIGKILL for processes of a run that failed: a stopped process takes no SIGTERM. */
  readonly grace: number;
  /** The same where they are to write a checkpoint first: after Ctrl-C, or to let a machine in. */
  readonly checkpointGrace: number;
  /** How long the cause is waited for after a failure that may be the consequence of another. */
  readonly settle: number;
  /** How long more nodes are waited for once the least number is there. */
  readonly lastCall: number;
  /** How long the least number of nodes, or a lost one, is waited for. */
  readonly join: number;
  /** Between two signs of life of a launcher. */
  readonly heartbeat: number;
  /** Silence after which a launcher counts as lost. */
  readonly silence: number;
  /** For one connection, and the answer to it. */
  readonly connect: number;
}

export const defaultTimes: LauncherTimes = {
  grace: 5_000,
  checkpointGrace: 300_000,
  settle: 1_000,
  lastCall: 30_000,
  join: 600_000,
  heartbeat: 3_000,
  silence: 15_000,
  connect: 10_000,
};
