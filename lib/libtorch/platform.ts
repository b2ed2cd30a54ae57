/** The platform that binaries are wanted for. */
export interface BinaryPlatform {
  platform: NodeJS.Platform;
  arch: string;
  /** Whether the C library is musl, for which there is no LibTorch. */
  musl: boolean;
}

let musl: boolean | undefined;

/** The platform of this process. */
export function binaryPlatform(): BinaryPlatform {
  musl ??= process.platform === 'linux' && !hasGlibc();
  return { platform: process.platform, arch: process.arch, musl };
}

function hasGlibc(): boolean {
  const report = process.report as unknown as {
    excludeNetwork: boolean;
    getReport(): { header?: { glibcVersionRuntime?: string } };
  };
  // Looking up the names of network interfaces can take seconds.
  report.excludeNetwork = true;
  return report.getReport().header?.glibcVersionRuntime !== undefined;
}

/**
 * Platform tags of the torch wheels that fit.
 *
 * @returns empty where no wheel exists for the platform
 */
export function wheelTags({ platform, arch, musl }: BinaryPlatform): string[] {
  if (platform === 'linux' && !musl && arch === 'x64') return ['manylinux_2_28_x86_64'];
  if (platform === 'linux' && !musl && arch === 'arm64') return ['manylinux_2_28_aarch64'];
  if (platform === 'darwin' && arch === 'arm64') return ['macosx_14_0_arm64', 'macosx_11_0_arm64'];
  if (platform === 'win32' && arch === 'x64') return ['win_amd64'];
  return [];
}

/** A platform's name for messages: `linux arm64`, `linux x64 with musl`. */
export function platformName({ platform, arch, musl }: BinaryPlatform): string {
  return `${platform} ${arch}${musl ? ' with musl' : ''}`;
}
