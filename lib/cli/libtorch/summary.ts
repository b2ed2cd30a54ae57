import type { FoundLibtorch } from '../../libtorch/find';

/** What `--json` says of a LibTorch. */
export function summary({ root, version, variant, abi, source }: FoundLibtorch): Record<string, string> {
  return { root, version, variant, abi, source };
}
