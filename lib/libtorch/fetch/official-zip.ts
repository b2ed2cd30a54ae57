import type { BinaryPlatform } from '../platform';
import type { LibtorchVariant } from '../versions';

const HOST = 'https://download.pytorch.org';

/**
 * SHA-256 (hex) of official zips by file name. PyTorch publishes none; only checksums that were verified on a real
 * download belong here.
 */
export const KNOWN_CHECKSUMS: Readonly<Record<string, string>> = {};

/**
 * Address of PyTorch's LibTorch zip.
 *
 * @returns undefined where PyTorch makes none for the platform
 */
export function officialZip(
  version: string,
  variant: LibtorchVariant,
  { platform, arch, musl }: BinaryPlatform,
): string | undefined {
  if (variant !== 'cpu' || musl) return undefined;
  const folder = `${HOST}/libtorch/cpu`;
  if (platform === 'linux' && arch === 'x64')
    return `${folder}/libtorch-shared-with-deps-${version}%2Bcpu.zip`;
  if (platform === 'darwin' && arch === 'arm64') return `${folder}/libtorch-macos-arm64-${version}.zip`;
  if (platform === 'win32' && arch === 'x64')
    return `${folder}/libtorch-win-shared-with-deps-${version}%2Bcpu.zip`;
  return undefined;
}
