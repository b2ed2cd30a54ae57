import type { MemoryUse } from '../native/contract';
import { native } from '../native/load';
import { submit } from '../native/submit';

/** A GPU. */
export interface CudaDevice {
  name: string;
  /** Such as `9.0`. */
  computeCapability: string;
  /** Memory in bytes. */
  memory: number;
}

/**
 * CUDA devices. All functions but `isBuilt`, `devices`, `isAvailable` and `emptyCache` throw `ERR_DEVICE` where there
 * is no GPU or the addon was built without CUDA (`npm run build:cuda`).
 */
export const cuda = {
  /** Whether the addon was built with CUDA. */
  isBuilt(): boolean {
    return native().builtWithCuda();
  },

  /** The GPUs that can be used; none where the build or the machine has none. */
  async devices(): Promise<CudaDevice[]> {
    const found = await submit((addon) => addon.cudaDevices());
    return found.map(({ name, major, minor, memory }) => ({
      name,
      computeCapability: `${major}.${minor}`,
      memory,
    }));
  },

  /** Whether there is a GPU that can be used. */
  async isAvailable(): Promise<boolean> {
    return (await cuda.devices()).length > 0;
  },

  /** What tensors take on a device, and what is kept for the next ones. */
  memory: (device = 0): Promise<MemoryUse> => submit((addon) => addon.cudaMemory(device)),

  /** Starts the peaks of `memory` anew. */
  resetPeakMemory: (device = 0): Promise<void> => submit((addon) => addon.cudaResetPeakMemory(device)),

  /** Gives memory that no tensor uses back to the device. */
  emptyCache: (): Promise<void> => submit((addon) => addon.cudaEmptyCache()),

  /** Resolves when the device has done everything queued on the current stream. */
  synchronize: (device = 0): Promise<void> => submit((addon) => addon.cudaSynchronize(device)),

  /** What is queued from now on runs on this stream of a device: 0 is the default one, 1 to 32 are others. */
  setStream: (stream: number, device = 0): Promise<void> =>
    submit((addon) => addon.cudaSetStream(device, stream)),
};
