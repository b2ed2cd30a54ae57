/** Kinds of LibTorch builds. */
export const VARIANTS = ['cpu', 'cuda'] as const;

/** `cpu`, or `cuda` where `libtorch_cuda` is part of the build. */
export type LibtorchVariant = (typeof VARIANTS)[number];

/** The version that is fetched when nothing else is asked for. */
export const DEFAULT_VERSION = '2.13.0';

/** The variant that is fetched when nothing else is asked for. */
export const DEFAULT_VARIANT: LibtorchVariant = 'cpu';

/** The release lines that the sources are written for; patch releases keep their interface. */
const SUPPORTED_LINES: readonly string[] = ['2.13', '2.14'];

/** The supported release lines as a person reads them: `2.13.x, 2.14.x`. */
export const SUPPORTED_TEXT = SUPPORTED_LINES.map((line) => `${line}.x`).join(', ');

/** Whether `value` names a variant. */
export function isVariant(value: string): value is LibtorchVariant {
  return (VARIANTS as readonly string[]).includes(value);
}

/** Whether kappaface is written for this LibTorch version (`2.13.1` is, `2.12.0` is not). */
export function isSupportedVersion(version: string): boolean {
  return SUPPORTED_LINES.includes(version.split('.').slice(0, 2).join('.'));
}
