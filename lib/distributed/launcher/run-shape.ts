import type { LauncherTimes } from './times';

/** What a run wants of its nodes. */
export interface RunShape {
  readonly runId: string;
  readonly version: string;
  readonly nodes: { readonly min: number; readonly max: number };
  readonly maxRestarts: number;
  /** The launcher that the rendezvous runs in. */
  readonly hostId: string;
  readonly times: LauncherTimes;
  /** Address of rank 0 for a run on one machine. @default 127.0.0.1 */
  readonly masterAddress?: string;
}
