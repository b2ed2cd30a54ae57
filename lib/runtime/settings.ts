import { DETERMINISTIC_VARIABLES, setVariables } from '../env';
import type { BuildInfo, DeviceSettings } from '../native/contract';
import { native } from '../native/load';
import { submit } from '../native/submit';
import { usableProcessors } from '../processors';
import { Tensor } from '../tensor/tensor';

/** Seeds the generator that initial weights, dropout and random tensors draw from. */
export async function manualSeed(seed: number): Promise<void> {
  return submit((addon) => addon.manualSeed(seed));
}

/** State of a device's generator: initial weights come from that of the CPU, dropout from that of its device. */
export async function getRandomState(device = 'cpu'): Promise<Tensor> {
  const wrap = Tensor.wrapper();
  return wrap(await submit((addon) => addon.getRandomState(device)));
}

/** Takes over a state that {@link getRandomState} gave, on this or another machine. */
export async function setRandomState(state: Tensor, device = 'cpu'): Promise<void> {
  const handle = state.handle;
  return submit((addon) => addon.setRandomState(handle, device));
}

/** Threads that one operation may use; by default as many as this process may keep busy. */
export async function setThreads(threads: number = usableProcessors()): Promise<void> {
  return submit((addon) => addon.setThreads(threads));
}

/** Threads that one operation may use. */
export async function getThreads(): Promise<number> {
  return submit((addon) => addon.getThreads());
}

/**
 * Chooses between speed and exactness on GPUs, for the whole process: TF32, and algorithms that give the same bits each
 * time. Neither is on by default.
 */
export async function configureDevice(settings: DeviceSettings): Promise<void> {
  if (settings.deterministic) setVariables(DETERMINISTIC_VARIABLES);
  const { allowTf32, deterministic } = settings;
  return submit((addon) => addon.configureDevice({ allowTf32, deterministic }));
}

/** Resolves when everything queued before has run. */
export async function synchronize(): Promise<void> {
  return submit((addon) => addon.synchronize());
}

/** Version of LibTorch, how it was built, and whether CUDA can be used. */
export function buildInfo(): BuildInfo {
  return native().buildInfo();
}
