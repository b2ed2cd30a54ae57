import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { ioError } from '../../errors';
import type { CxxAbi, LibtorchTree } from '../inspect';
import { PACKAGE_ROOT } from '../package-root';
import { pixelsBeside } from './locate-addon';
import type { LibtorchVariant } from '../versions';

/** What is written beside a built addon, as `kappaface.json`. */
export interface BuildMetadata {
  /** Version of kappaface that it belongs to. */
  addonVersion: string;
  /** Node-API version that it needs. */
  napiVersion: number;
  libtorch: {
    version: string;
    variant: LibtorchVariant;
    abi: CxxAbi;
    /** Major version of its CUDA, of the variant `cuda`. */
    cuda?: number;
    /** Where it lay; absent where the addon was built for other machines. */
    root?: string;
  };
  /** SHA-256 of the sources and of all else that decides the result. */
  sourcesHash: string;
  /** `Release` or `Debug`. */
  config: string;
  platform: string;
  arch: string;
}

/** Every file below `folder`, sorted, with forward slashes. */
function listFiles(folder: string): string[] {
  return fs
    .readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((item) => item.isFile())
    .map((item) => path.relative(folder, path.join(item.parentPath, item.name)).replaceAll('\\', '/'))
    .sort();
}

/** The version of this package. */
export function packageVersion(root: string = PACKAGE_ROOT): string {
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

/** The Node-API version that the sources ask for. */
export function napiVersion(root: string = PACKAGE_ROOT): number {
  const text = fs.readFileSync(path.join(root, 'CMakeLists.txt'), 'utf8');
  return Number(/NAPI_VERSION=(\d+)/.exec(text)?.[1] ?? 8);
}

/** Hash of what an addon is built from: native sources (without tests), CMakeLists.txt, LibTorch, configuration. */
export function hashSources(libtorch: LibtorchTree, config: string, root: string = PACKAGE_ROOT): string {
  const hash = createHash('sha256');
  const native = path.join(root, 'native');
  const sources = listFiles(native).filter((name) => !/^test\/|_test\.cc$|\.md$/.test(name));
  for (const name of [...sources.map((source) => `native/${source}`), 'CMakeLists.txt']) {
    const content = fs.readFileSync(path.join(root, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  const { version, variant, abi, root: libtorchRoot } = libtorch;
  const rest = [
    version,
    variant,
    abi,
    libtorchRoot,
    config,
    packageVersion(root),
    process.platform,
    process.arch,
  ];
  return hash.update(JSON.stringify(rest)).digest('hex');
}

function metadataFile(addon: string): string {
  return path.join(path.dirname(addon), 'kappaface.json');
}

/**
 * What is known about a built addon.
 *
 * @param addon path of the `.node` file
 * @returns undefined where nothing (readable) was written beside it
 */
export function readBuildMetadata(addon: string): BuildMetadata | undefined {
  try {
    const metadata = JSON.parse(fs.readFileSync(metadataFile(addon), 'utf8')) as Partial<BuildMetadata>;
    return typeof metadata.sourcesHash === 'string' && typeof metadata.libtorch?.version === 'string'
      ? (metadata as BuildMetadata)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Writes `kappaface.json` beside an addon that was just built.
 *
 * @param forOthers whether it was built for other machines: where LibTorch lies here is not their concern
 * @throws KappaError `ERR_IO`
 */
export function writeBuildMetadata(
  addon: string,
  libtorch: LibtorchTree,
  config: string,
  root: string = PACKAGE_ROOT,
  forOthers = false,
): BuildMetadata {
  const { version, variant, abi, cuda, root: libtorchRoot } = libtorch;
  const metadata: BuildMetadata = {
    addonVersion: packageVersion(root),
    napiVersion: napiVersion(root),
    libtorch: { version, variant, abi, cuda, ...(forOthers ? {} : { root: libtorchRoot }) },
    sourcesHash: hashSources(libtorch, config, root),
    config,
    platform: process.platform,
    arch: process.arch,
  };
  const file = metadataFile(addon);
  try {
    fs.writeFileSync(`${file}.${process.pid}`, `${JSON.stringify(metadata, null, 2)}\n`);
    fs.renameSync(`${file}.${process.pid}`, file);
  } catch (error) {
    throw ioError(error, 'write', file);
  }
  return metadata;
}

/** Whether an addon, and the small one beside it, were built from the present sources against this LibTorch. */
export function isUpToDate(
  addon: string,
  libtorch: LibtorchTree,
  config: string,
  root: string = PACKAGE_ROOT,
): boolean {
  return (
    fs.existsSync(addon) &&
    fs.existsSync(pixelsBeside(addon)) &&
    readBuildMetadata(addon)?.sourcesHash === hashSources(libtorch, config, root)
  );
}
