import type { Writable } from 'node:stream';
import type { Shown } from './output';
import type { LauncherTimes } from './times';

/** Where the nodes of a run meet. */
export type Meeting =
  /** One node. Address and port are those that its workers get. */
  | { readonly kind: 'alone'; readonly masterAddress?: string; readonly masterPort?: number }
  /** Node ranks are given; node rank 0 serves the rendezvous. */
  | { readonly kind: 'static'; readonly nodeRank: number; readonly host: string; readonly port: number }
  /** Whoever is at this address serves the rendezvous, and gives the node ranks. */
  | { readonly kind: 'elastic'; readonly host: string; readonly port: number };

/** What a launcher is to do. */
export interface LaunchPlan {
  /** Program and arguments of a worker. */
  readonly command: readonly string[];
  /** The environment that workers get besides what they learn of the run. */
  readonly env: NodeJS.ProcessEnv;
  /** Workers on this machine. */
  readonly processes: number;
  readonly nodes: { readonly min: number; readonly max: number };
  readonly meeting: Meeting;
  readonly runId: string;
  readonly maxRestarts: number;
  /** Version of kappaface, which must be one on all machines. */
  readonly version: string;
  /** Address of this machine for the others, where they should not take the one that it connects from. */
  readonly localAddress?: string;
  /** Gets `attempt_K/RANK/stdout.log` and `stderr.log`. */
  readonly logFolder?: string;
  /** What the terminal shows of the worker with a local rank. */
  readonly shows: (localRank: number) => Shown;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** For the person at the terminal. */
  readonly onMessage: (text: string) => void;
  readonly times?: Partial<LauncherTimes>;
}
