import type { BuildMetadata } from '../build/build-metadata';
import type { LibtorchTree } from '../inspect';
import { lineOf, variantName } from '../versions';

/** Whether an addon goes with a LibTorch: surely, perhaps (and why it is not sure), or not (and why not). */
export type Fit = { fits: true } | { fits: 'perhaps'; doubt: string } | { fits: false; reason: string };

/** A LibTorch as messages name it: `2.14.1 (cu130)`. */
export function libtorchName({ version, variant }: Pick<LibtorchTree, 'version' | 'variant'>): string {
  return `${version} (${variantName(variant)})`;
}

/**
 * Whether an addon that was built against one LibTorch goes with another. Within a release line LibTorch keeps its C++
 * interface by habit, not by promise.
 *
 * @param built what the addon was built against
 */
export function fitOf(built: BuildMetadata['libtorch'], found: LibtorchTree): Fit {
  const what = `is built for LibTorch ${libtorchName(built)}, and ${libtorchName(found)} was found`;
  if (built.variant !== found.variant || lineOf(built.version) !== lineOf(found.version))
    return { fits: false, reason: what };
  if (built.abi !== found.abi)
    return { fits: false, reason: `is built for the C++ ABI ${built.abi}, and LibTorch has ${found.abi}` };
  if (built.cuda !== found.cuda)
    return {
      fits: false,
      reason: `is built for CUDA ${built.cuda}, and the LibTorch found needs CUDA ${found.cuda ?? 'of unknown version'}`,
    };
  return built.version === found.version ? { fits: true } : { fits: 'perhaps', doubt: what };
}
