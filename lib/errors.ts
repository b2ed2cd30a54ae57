import { types } from 'node:util';

/** Stable identifiers of what went wrong; scripts may depend on them. */
export type KappaErrorCode =
  /** A shape, rank or length does not fit. */
  | 'ERR_SHAPE'
  /** An element type is not supported or does not fit. */
  | 'ERR_DTYPE'
  /** An argument has a wrong type or is out of its range. */
  | 'ERR_ARGUMENT'
  /** A disposed object was used. */
  | 'ERR_DISPOSED'
  /** LibTorch refused an operation. */
  | 'ERR_LIBTORCH'
  /** No usable LibTorch was found or could be fetched. */
  | 'ERR_LIBTORCH_NOT_FOUND'
  /** LibTorch, the addon or a file has an unsupported version. */
  | 'ERR_VERSION'
  /** The native addon is missing or cannot be loaded. */
  | 'ERR_ADDON'
  /** Not enough memory. */
  | 'ERR_OUT_OF_MEMORY'
  /** A device is not available. */
  | 'ERR_DEVICE'
  /** A configuration is invalid. */
  | 'ERR_CONFIG'
  /** A data set or one of its files is missing. */
  | 'ERR_DATA_NOT_FOUND'
  /** A file is truncated, corrupt or of another format. */
  | 'ERR_DATA_CORRUPT'
  /** A label lies outside the classes. */
  | 'ERR_LABEL_RANGE'
  /** A checkpoint is missing, damaged or of another run. */
  | 'ERR_CHECKPOINT'
  /** The file system refused: no space, no permission, not a directory. */
  | 'ERR_IO'
  /** Another process is at work on the same thing. */
  | 'ERR_LOCKED'
  /** Another process or machine of a run failed or went away. */
  | 'ERR_PEER'
  /** Other processes or machines of a run did not come or answer in time. */
  | 'ERR_TIMEOUT'
  /** Training stopped because loss or gradients were not finite. */
  | 'ERR_NOT_FINITE'
  /** Work was cancelled, for instance because its environment went away. */
  | 'ERR_CANCELLED'
  /** A command line is wrong. */
  | 'ERR_USAGE'
  /** A defect of kappaface itself. */
  | 'ERR_INTERNAL';

/** Every error that kappaface throws on purpose: a stable `code` and a message that says what, where and what to do. */
export class KappaError extends Error {
  override readonly name = 'KappaError';
  readonly code: KappaErrorCode;

  constructor(code: KappaErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Whether a value is an error, be it of another realm: Node's own errors are that under jest. */
export function isError(value: unknown): value is Error {
  return types.isNativeError(value) || value instanceof Error;
}

/** What an error says, or whatever else was thrown. */
export function messageOf(error: unknown): string {
  return isError(error) ? error.message : String(error);
}

/** Describes a value for an error message: its type, and its value where that is short. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string')
    return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)}`;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return `${typeof value} ${value}`;
  if (typeof value === 'function') return `a function`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return `an object of type ${value.constructor?.name ?? 'Object'}`;
}

/** Builds the error of a bad argument: "Expected WHAT for NAME but received ...". */
export function argumentError(name: string, expected: string, received: unknown): KappaError {
  return new KappaError(
    'ERR_ARGUMENT',
    `Expected ${expected} for ${name} but received ${describe(received)}.`,
  );
}

/** Turns a file system error of Node into a KappaError that names the path and the remedy. */
export function ioError(error: unknown, action: string, path: string): KappaError {
  if (error instanceof KappaError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const remedy: Record<string, string> = {
    ENOSPC: 'the disk is full: free some space and run again; nothing written before is lost',
    EDQUOT: 'the disk quota is used up: free some space and run again; nothing written before is lost',
    EACCES: 'permission denied: check the owner and mode of the path',
    EPERM: 'the operation is not permitted: check the owner and mode of the path',
    EROFS: 'the file system is read-only: choose another folder',
    ENOENT: 'no such file or folder',
    ENOTDIR: 'a part of the path is not a folder',
    EISDIR: 'it is a folder, a file was expected',
    EMFILE: 'too many open files: raise the limit (ulimit -n)',
  };
  const why = remedy[code] ?? messageOf(error);
  return new KappaError('ERR_IO', `Could not ${action} ${path}: ${why}.`, { cause: error });
}
