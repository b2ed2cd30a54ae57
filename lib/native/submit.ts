import { AsyncLocalStorage } from 'node:async_hooks';

import { isError } from '../errors';
import type { NativeAddon } from './contract';
import { native } from './load';

const gradMode = new AsyncLocalStorage<boolean>();

/**
 * Queues a call of the addon at once. Every call that computes goes through here.
 *
 * @param call receives the addon and makes exactly one call
 * @param recording whether gradients are recorded; as it is where this is called, by default
 * @returns the promise of the addon, which later calls take for its result
 * @throws KappaError where the addon refuses the arguments
 */
export function enqueue<T>(
  call: (addon: NativeAddon) => Promise<T>,
  recording: boolean = isGradEnabled(),
): Promise<T> {
  const addon = native();
  // Each time: the addon is one, but a test runner loads this library anew for every file.
  addon.setGradEnabled(recording);
  return call(addon);
}

/** Queues a call of the addon as `enqueue`; every error comes as a rejection that tells where its caller is. */
export async function submit<T>(call: (addon: NativeAddon) => Promise<T>, recording?: boolean): Promise<T> {
  try {
    return await enqueue(call, recording);
  } catch (error) {
    throw traced(error);
  }
}

/** Rejections are made on the way back from the compute thread, where no JavaScript frame is left. */
export function traced(error: unknown): unknown {
  if (isError(error)) Error.captureStackTrace(error, traced);
  return error;
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
