import fs from 'node:fs';
import path from 'node:path';
import { KappaError } from '../../errors';
import type { ProgressListener } from '../progress';
import { runChild } from '../process';
import type { LibtorchVariant } from '../versions';

/** Index of PyTorch's own wheels without CUDA, for platforms whose ordinary wheel has it. */
const CPU_WHEELS = 'https://download.pytorch.org/whl/cpu';

/** How often a download is looked at. */
const PROGRESS_INTERVAL_MS = 250;

/** One call of pip: what to ask for and where else to look. */
export interface PipRequest {
  requirement: string;
  extraIndex?: string;
}

/**
 * What to ask pip for, in order. On Linux the ordinary wheel may hold CUDA, so the `+cpu` build is asked for first:
 * where the user's own index has it, then at PyTorch's.
 */
export function pipRequests(
  version: string,
  variant: LibtorchVariant,
  platform: NodeJS.Platform,
): PipRequest[] {
  const plain: PipRequest = { requirement: `torch==${version}` };
  if (variant !== 'cpu' || platform === 'darwin') return [plain];
  const cpu = `torch==${version}+cpu`;
  return [{ requirement: cpu }, { requirement: cpu, extraIndex: CPU_WHEELS }, plain];
}

/** Arguments behind `python` that fetch one wheel into `folder`, whatever that Python's own version. */
function pipArguments(request: PipRequest, tags: readonly string[], folder: string): string[] {
  return [
    ...['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:'],
    ...['--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311'],
    ...tags.flatMap((tag) => ['--platform', tag]),
    // A source that cannot be reached must not hold up the next one; the wheel is kept unpacked, not twice.
    ...['--retries', '0', '--timeout', '30', '--no-cache-dir', '--no-input', '--disable-pip-version-check'],
    ...(request.extraIndex === undefined ? [] : ['--extra-index-url', request.extraIndex]),
    ...['--dest', folder, request.requirement],
  ];
}

function folderBytes(folder: string): number {
  let bytes = 0;
  try {
    for (const item of fs.readdirSync(folder, { withFileTypes: true, recursive: true }))
      if (item.isFile()) bytes += fs.statSync(path.join(item.parentPath, item.name)).size;
  } catch {
    // pip moves files about while this looks.
  }
  return bytes;
}

/** Bytes of `192.1 MB` as pip prints sizes. */
function parseSize(line: string): number | undefined {
  const match = /\((\d+(?:\.\d+)?) (kB|MB|GB)\)/.exec(line);
  const scale = { kB: 1e3, MB: 1e6, GB: 1e9 }[match?.[2] ?? ''];
  return match && scale ? Number(match[1]) * scale : undefined;
}

/**
 * Runs pip, which knows the user's indexes, proxies and certificates, and tells of its downloads.
 *
 * @param python command of a Python that has pip
 * @param folder what pip fills; also takes its temporary files meanwhile, so that nothing stays elsewhere
 * @throws KappaError `ERR_LIBTORCH_NOT_FOUND` with pip's reason; `ERR_CANCELLED`
 */
export async function runPip(
  python: string,
  args: readonly string[],
  folder: string,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: ProgressListener } = {},
): Promise<void> {
  const temporary = path.join(folder, 'tmp');
  fs.mkdirSync(temporary, { recursive: true });
  let total: number | undefined;
  const timer = setInterval(() => {
    const done = folderBytes(folder);
    if (done > 0) onProgress?.({ phase: 'download', done, total });
  }, PROGRESS_INTERVAL_MS);
  try {
    const { code, stdout, stderr } = await runChild(python, args, {
      env: { ...process.env, TMPDIR: temporary, TEMP: temporary, TMP: temporary, PYTHONUNBUFFERED: '1' },
      signal,
      onLine: (line) => {
        if (/^\s*Downloading /.test(line)) total = parseSize(line) ?? total;
      },
    });
    if (code === 0) return;
    const errors = `${stderr}\n${stdout}`
      .split('\n')
      .filter((line) => /^(ERROR|error|.*No module named)/.test(line));
    const reason = errors[errors.length - 1] ?? stderr.trim().split('\n').pop() ?? '';
    throw new KappaError(
      'ERR_LIBTORCH_NOT_FOUND',
      `${reason.replace(/^ERROR:\s*/, '') || 'no message'} (exit code ${code})`,
    );
  } finally {
    clearInterval(timer);
    fs.rmSync(temporary, { recursive: true, force: true });
  }
}

/**
 * Fetches the torch wheel through pip.
 *
 * @param folder empty scratch folder
 * @returns path of the wheel
 * @throws KappaError `ERR_LIBTORCH_NOT_FOUND` with pip's reason; `ERR_CANCELLED`
 */
export async function downloadWheel(
  python: string,
  request: PipRequest,
  tags: readonly string[],
  folder: string,
  options: { signal?: AbortSignal; onProgress?: ProgressListener } = {},
): Promise<string> {
  const wheels = path.join(folder, 'wheels');
  fs.mkdirSync(wheels, { recursive: true });
  await runPip(python, pipArguments(request, tags, wheels), folder, options);
  const wheel = fs.readdirSync(wheels).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new KappaError('ERR_LIBTORCH_NOT_FOUND', 'pip left no wheel (exit code 0)');
  const file = path.join(wheels, wheel);
  const { size } = fs.statSync(file);
  options.onProgress?.({ phase: 'download', done: size, total: size });
  return file;
}
