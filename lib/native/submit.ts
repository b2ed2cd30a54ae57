import { AsyncLocalStorage } from 'node:async_hooks';

import type { NativeAddon } from './contract';
import { native } from './load';

const gradMode = new AsyncLocalStorage<boolean>();
let modeOfAddon = true;

/**
 * Queues a call of the addon in the gradient mode of the caller. Every call that computes goes through here.
 *
 * @param call receives the addon and makes exactly one call
 */
export async function submit<T>(call: (addon: NativeAddon) => Promise<T>): Promise<T> {
  const addon = native();
  const mode = gradMode.getStore() ?? true;
  if (mode !== modeOfAddon) {
    addon.setGradEnabled(mode);
    modeOfAddon = mode;
  }
  try {
    return await call(addon);
  } catch (error) {
    // Rejections are made on the way back from the compute thread, where no JavaScript frame is left.
    if (error instanceof Error) Error.captureStackTrace(error, submit);
    throw error;
  }
}

/**
 * Runs a function in which no operation records gradients, also across `await`.
 *
 * @example
 * const embeddings = await noGrad(() => backbone.forward(images));
 */
export function noGrad<T>(body: () => T): T {
  return gradMode.run(false, body);
}

/** Whether operations record gradients here. */
export function isGradEnabled(): boolean {
  return gradMode.getStore() ?? true;
}
