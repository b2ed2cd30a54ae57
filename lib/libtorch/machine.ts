import fs from 'node:fs';
import os from 'node:os';

/** What this process may use of the machine. */
export interface MachineResources {
  /** Logical processors that the process may run on. */
  cpus: number;
  /** Processors' worth of time granted by the control group; absent where unlimited. */
  cpuQuota?: number;
  /** Bytes of memory: of the machine, or granted by the control group. */
  memory: number;
  /** Bytes that are free for use now. */
  freeMemory: number;
  /** Whether a control group limits the memory. */
  memoryLimited: boolean;
  /** Instruction sets that LibTorch's kernels choose between; empty where the platform does not tell. */
  features: string[];
  /** Processor name. */
  model: string;
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Folder of this process's control group (version 2), or the root one inside a container. */
function cgroupFiles(name: string): string {
  const own = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup'))?.[1] ?? '/';
  return read(`/sys/fs/cgroup${own === '/' ? '' : own}/${name}`) || read(`/sys/fs/cgroup/${name}`);
}

function cpuQuota(): number | undefined {
  const [quota, period] = cgroupFiles('cpu.max').trim().split(' ').map(Number);
  if (quota && period && Number.isFinite(quota)) return quota / period;
  const old = Number(read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'));
  const oldPeriod = Number(read('/sys/fs/cgroup/cpu/cpu.cfs_period_us'));
  return old > 0 && oldPeriod > 0 ? old / oldPeriod : undefined;
}

const FEATURES = ['avx2', 'avx512f', 'avx512_bf16', 'avx512_vnni', 'amx_bf16', 'asimd', 'bf16', 'sve'];

/** Looks at the machine: processors, memory, the limits of the control group, instruction sets. */
export function machineResources(): MachineResources {
  const total = os.totalmem();
  const limit = process.constrainedMemory?.() ?? 0;
  const limited = limit > 0 && limit < total;
  const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(read('/proc/cpuinfo'))?.[1]?.split(' ') ?? [];
  return {
    cpus: os.availableParallelism(),
    cpuQuota: cpuQuota(),
    memory: limited ? limit : total,
    freeMemory: process.availableMemory?.() ?? os.freemem(),
    memoryLimited: limited,
    features: FEATURES.filter((feature) => flags.includes(feature)),
    model: os.cpus()[0]?.model.trim() || 'unknown processor',
  };
}

/** Bytes that a compiler needs for one translation unit that includes LibTorch's headers. */
const BYTES_PER_JOB = 2e9;

/** Compiler jobs to run at once: one a processor, as far as memory allows. */
export function buildJobs(
  { cpus, cpuQuota: quota, freeMemory }: MachineResources = machineResources(),
): number {
  const processors = quota === undefined ? cpus : Math.min(cpus, Math.ceil(quota));
  return Math.max(1, Math.min(processors, Math.floor(freeMemory / BYTES_PER_JOB)));
}
