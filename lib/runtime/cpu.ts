import { native } from '../native/load';
import { submit } from '../native/submit';

/** Memory that tensors use, and what the allocator holds for them, in bytes. */
export interface MemoryUse {
  allocated: number;
  peakAllocated: number;
  reserved: number;
  peakReserved: number;
}

/** The processor. */
export const cpu = {
  /**
   * Memory of tensors on the CPU, of LibTorch's own too; tensors of less than 16 KiB are not counted. What is reserved
   * but not allocated waits for the next tensors of its size: at most a quarter of the highest use of the last minute,
   * and 64 MiB. It goes back to the system after half a minute without use, and when nothing has run for 5 s.
   */
  memory(): MemoryUse {
    const [allocated = 0, peakAllocated = 0, reserved = 0, peakReserved = 0] = native().cpuMemory();
    return { allocated, peakAllocated, reserved, peakReserved };
  },

  /** Starts the peaks of `memory` anew. */
  resetPeakMemory(): void {
    native().cpuResetPeakMemory();
  },

  /** Gives memory that no tensor uses back to the system, after everything queued before. */
  emptyCache: (): Promise<void> => submit((addon) => addon.cpuEmptyCache()),
};
