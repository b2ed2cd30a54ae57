/** Kinds of LibTorch builds. */
export const VARIANTS = ['cpu', 'cuda'] as const;

/** `cpu`, or `cuda` where `libtorch_cuda` is part of the build. */
export type LibtorchVariant = (typeof VARIANTS)[number];

/** The variant that is fetched when nothing else is asked for. */
export const DEFAULT_VARIANT: LibtorchVariant = 'cpu';

/** The version of each variant that is fetched when nothing else is asked for: the one of the prebuilt addons. */
export const DEFAULT_VERSIONS: Readonly<Record<LibtorchVariant, string>> = { cpu: '2.13.0', cuda: '2.14.1' };

/** How much of each is fetched and stays, as people read it. */
export const DOWNLOAD_SIZES: Readonly<Record<LibtorchVariant, string>> = {
  cpu: '0.2 GB to fetch, 0.5 GB on disk',
  cuda: 'about 3 GB to fetch, 4.5 GB on disk',
};

/** What users call the variants; the first name of each is the one that messages use. */
const VARIANT_NAMES: Readonly<Record<LibtorchVariant, readonly [string, ...string[]]>> = {
  cpu: ['cpu'],
  cuda: ['cu130', 'cuda'],
};

/** Every name of a variant, as messages list them. */
export const VARIANT_NAMES_TEXT = Object.values(VARIANT_NAMES).flat().join(', ');

/** The release lines that the sources are written for; patch releases keep their interface. */
const SUPPORTED_LINES: readonly string[] = ['2.13', '2.14'];

/** The supported release lines as a person reads them: `2.13.x, 2.14.x`. */
export const SUPPORTED_TEXT = SUPPORTED_LINES.map((line) => `${line}.x`).join(', ');

/** The variant that a user's word means; undefined where it means none. */
export function parseVariant(name: string): LibtorchVariant | undefined {
  return VARIANTS.find((variant) => VARIANT_NAMES[variant].includes(name));
}

/** The name of a variant in commands and in the names of packages: `cpu`, `cu130`. */
export function variantName(variant: LibtorchVariant): string {
  return VARIANT_NAMES[variant][0];
}

/** The release line of a version: `2.13` of `2.13.1`. The C++ interface of LibTorch is another in each. */
export function lineOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** Whether kappaface is written for this LibTorch version (`2.13.1` is, `2.12.0` is not). */
export function isSupportedVersion(version: string): boolean {
  return SUPPORTED_LINES.includes(lineOf(version));
}
