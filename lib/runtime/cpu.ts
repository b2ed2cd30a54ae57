import type { MemoryUse } from '../native/contract';
import { native } from '../native/load';
import { submit } from '../native/submit';

/** The processor. */
export const cpu = {
  /**
   * Memory of tensors on the CPU, of LibTorch's own too; tensors of less than 16 KiB are not counted. What is reserved
   * but not allocated waits for the next tensors of its size: at most a quarter of the highest use of the last minute,
   * and 64 MiB. It goes back to the system after half a minute without use, and when nothing has run for 5 s.
   */
  memory(): MemoryUse {
    return native().cpuMemory();
  },

  /** Starts the peaks of `memory` anew. */
  resetPeakMemory(): void {
    native().cpuResetPeakMemory();
  },

  /** Gives memory that no tensor uses back to the system, after everything queued before. */
  emptyCache: (): Promise<void> => submit((addon) => addon.cpuEmptyCache()),
};
