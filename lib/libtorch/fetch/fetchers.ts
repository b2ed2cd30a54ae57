import { KappaError } from '../../errors';
import { fetchCudaWheels } from './cuda-wheels';
import { downloadFile, publishedChecksum } from './download';
import type { LibtorchEnv } from '../env';
import { KNOWN_CHECKSUMS, officialZip } from './official-zip';
import { downloadWheel, pipRequests } from './pip';
import type { PipRequest } from './pip';
import { binaryPlatform, platformName, wheelTags } from '../platform';
import type { ProgressListener } from '../progress';
import { findPython } from '../python';

/** Hooks of a fetch. */
export interface FetchOptions {
  signal?: AbortSignal;
  onProgress?: ProgressListener;
}

/** A way to fetch LibTorch: as an archive, or as a folder at once. */
export type Fetcher = {
  /** Name for messages. */
  source: string;
} & (
  | {
      /** Fetches into an empty folder; returns the path of a `.whl` or `.zip` whose checksum is right. */
      fetch(folder: string, options: FetchOptions): Promise<string>;
    }
  | {
      /** Makes a folder a LibTorch. */
      fill(folder: string, options: FetchOptions): Promise<void>;
    }
);

function notFound(message: string): KappaError {
  return new KappaError('ERR_LIBTORCH_NOT_FOUND', message);
}

/**
 * Fetches from an address. A zip needs a checksum: the user's, a known one, or one that lies beside it. A wheel
 * carries the hashes of its files.
 */
async function fetchUrl(
  env: LibtorchEnv,
  url: string,
  folder: string,
  options: FetchOptions,
): Promise<string> {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw notFound('it is not an address (http://, https:// or file:///)');
  }
  const name = decodeURIComponent(parsed.pathname.split('/').pop() ?? '');
  if (!/\.(zip|whl)$/.test(name)) throw notFound('its name ends neither in .zip nor in .whl');
  const expected = env.sha256 ?? KNOWN_CHECKSUMS[name] ?? (await publishedChecksum(url, options.signal));
  if (expected === undefined && name.endsWith('.zip'))
    throw notFound(
      `no checksum is known for ${name}: give it as KAPPA_LIBTORCH_SHA256 (64 hexadecimal digits) to trust this zip`,
    );
  const { file, sha256 } = await downloadFile(url, folder, options);
  if (expected !== undefined && sha256 !== expected)
    throw new KappaError('ERR_DATA_CORRUPT', `${name} has SHA-256 ${sha256}, expected ${expected}`);
  return file;
}

/** The command of a Python that has pip. */
function pythonWithPip(env: LibtorchEnv): string {
  const { command, version, pip } = findPython(env);
  if (pip === undefined)
    throw notFound(`${command} (${version}) has no pip (install it: ${command} -m ensurepip)`);
  return command;
}

async function fetchByPip(
  env: LibtorchEnv,
  request: PipRequest,
  folder: string,
  options: FetchOptions,
): Promise<string> {
  const target = binaryPlatform();
  const tags = wheelTags(target);
  if (tags.length === 0) throw notFound(`there is no torch wheel for ${platformName(target)}`);
  return downloadWheel(pythonWithPip(env), request, tags, folder, options);
}

async function fillByPip(env: LibtorchEnv, folder: string, options: FetchOptions): Promise<void> {
  const { platform, musl } = binaryPlatform();
  if (platform !== 'linux' || musl) throw notFound('LibTorch with CUDA is fetched on Linux with glibc alone');
  await fetchCudaWheels(pythonWithPip(env), env.version, folder, options);
}

/** The ways to fetch this version and variant, in order; `KAPPA_LIBTORCH_URL` replaces all others. */
export function fetchers(env: LibtorchEnv): Fetcher[] {
  const { url } = env;
  if (url !== undefined)
    return [
      {
        source: `KAPPA_LIBTORCH_URL=${url}`,
        fetch: (folder, options) => fetchUrl(env, url, folder, options),
      },
    ];
  if (env.variant === 'cuda')
    return [
      {
        source: `pip install torch==${env.version}, with NVIDIA's wheels`,
        fill: (folder, options) => fillByPip(env, folder, options),
      },
    ];
  const target = binaryPlatform();
  const zip = officialZip(env.version, env.variant, target);
  const byPip = pipRequests(env.version, env.variant, target.platform).map<Fetcher>((request) => ({
    source: `pip download ${request.requirement}${request.extraIndex ? ` from ${request.extraIndex}` : ''}`,
    fetch: (folder, options) => fetchByPip(env, request, folder, options),
  }));
  return [
    ...byPip,
    {
      source: `the official zip${zip === undefined ? '' : ` (${zip})`}`,
      fetch: (folder, options) =>
        zip === undefined
          ? Promise.reject(notFound(`there is none for ${platformName(target)}`))
          : fetchUrl(env, zip, folder, options),
    },
  ];
}
