import { KappaError } from '../errors';

/** Whether one image is to blame, and not the disk or the program. */
export function isImageError({ code }: KappaError): boolean {
  return code !== 'ERR_INTERNAL' && code !== 'ERR_CANCELLED';
}

/** The error of one image, with the way to go on without it. */
export function withSkipHint(error: KappaError): KappaError {
  if (!isImageError(error)) return error;
  return new KappaError(
    error.code,
    `${error.message} Images that cannot be used can be left out (--skip-bad).`,
    { cause: error },
  );
}
