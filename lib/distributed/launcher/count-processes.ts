import { KappaError } from '../../errors';
import { runChild } from '../../libtorch/process';
import { usableProcessors } from '../../processors';

/** How long nvidia-smi may take; with a broken driver it may never answer. */
const NVIDIA_SMI_MS = 30_000;

/** What workers are counted by. */
export interface Machine {
  /** `runtime.device` of the config. */
  readonly device: string;
  /** CUDA_VISIBLE_DEVICES; undefined where it is not set. */
  readonly visibleGpus: string | undefined;
  /** Program that lists the GPUs. @default nvidia-smi */
  readonly lister?: string;
}

/**
 * The number of workers for this machine: `auto` is one for each GPU where the config computes on GPUs, else one for each
 * processor.
 *
 * @throws KappaError ERR_DEVICE where GPUs are to be counted and there is none
 */
export async function countProcesses(
  wanted: number | 'auto' | 'cpu' | 'gpu',
  machine: Machine,
): Promise<number> {
  if (typeof wanted === 'number') return wanted;
  const isGpu = wanted === 'gpu' || (wanted === 'auto' && machine.device.startsWith('cuda'));
  return isGpu ? countGpus(machine, wanted) : usableProcessors();
}

async function countGpus({ visibleGpus, lister = 'nvidia-smi' }: Machine, wanted: string): Promise<number> {
  const none = (why: string): KappaError =>
    new KappaError(
      'ERR_DEVICE',
      `--nproc-per-node ${wanted} counts GPUs, and there is none: ${why}. Give a number, or cpu.`,
    );
  if (visibleGpus !== undefined) {
    // CUDA takes the list up to the first entry that is none.
    const entries = visibleGpus.split(',').map((entry) => entry.trim());
    const end = entries.findIndex((entry) => entry === '' || entry.startsWith('-'));
    const count = end < 0 ? entries.length : end;
    if (count === 0) throw none(`CUDA_VISIBLE_DEVICES is ${JSON.stringify(visibleGpus)}`);
    return count;
  }
  const { code, stdout, stderr } = await runChild(lister, ['-L'], { timeoutMs: NVIDIA_SMI_MS });
  if (code !== 0) throw none(`${lister} -L failed (${(stderr || stdout).trim().split('\n')[0] ?? ''})`);
  const count = stdout.split('\n').filter((line) => /^GPU \d+:/.test(line)).length;
  if (count === 0) throw none(`${lister} -L lists none`);
  return count;
}
