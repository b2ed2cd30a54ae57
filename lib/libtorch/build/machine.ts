import fs from 'node:fs';
import os from 'node:os';
import { cpuQuota } from '../../processors';

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
