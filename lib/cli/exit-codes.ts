/** Every exit code of `kappa`, by what it says. */
export const exitCodes = {
  ok: 0,
  /** The work failed, or a check found something bad. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** Ctrl-C ended the work. */
  SIGINT: 130,
  SIGTERM: 143,
} as const;
