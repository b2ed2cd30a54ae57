/** What an installation of LibTorch is doing; totals are in bytes and absent where unknown. */
export type InstallProgress =
  | { phase: 'wait'; message: string }
  | { phase: 'source'; message: string }
  | { phase: 'download'; done: number; total?: number }
  | { phase: 'unpack'; done: number; total: number }
  | { phase: 'sync' };

/** Receives progress; called often, must be quick. */
export type ProgressListener = (progress: InstallProgress) => void;
