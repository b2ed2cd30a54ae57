import { setTimeout as delay } from 'node:timers/promises';

import { KappaError, isError, messageOf } from '../errors';

/** The processes that make a checkpoint together, as one of them sees them. */
export interface Peers {
  readonly rank: number;
  readonly worldSize: number;
  /**
   * Gives all ranks the texts of all, in the order of the ranks; nobody gets them before everybody has come. Calls are
   * matched by their order on each rank, so nothing else may go through the same object meanwhile.
   */
  gatherText(text: string): Promise<string[]>;
}

/** A process that has no others. */
export const alone: Peers = { rank: 0, worldSize: 1, gatherText: (text) => Promise.resolve([text]) };

type Outcome<T> = { value: T } | { error: { code: KappaError['code']; message: string } };

/**
 * Does a piece of work on every rank, and waits for all of them.
 *
 * @param work gives something that JSON can hold
 * @returns what it came to, by rank
 * @throws on all ranks where it failed on one: KappaError that names the rank; alone the error itself
 */
export async function together<T>(peers: Peers, work: () => Promise<T>): Promise<T[]> {
  let outcome: Outcome<T>;
  let failure: unknown;
  try {
    outcome = { value: await work() };
  } catch (error) {
    failure = error;
    const code = error instanceof KappaError ? error.code : 'ERR_INTERNAL';
    outcome = { error: { code, message: messageOf(error) } };
  }
  if (peers.worldSize === 1) {
    if ('error' in outcome) throw failure;
    return [outcome.value];
  }
  const texts = await peers.gatherText(JSON.stringify(outcome));
  const outcomes = texts.map((text) => JSON.parse(text) as Outcome<T>);
  if (outcomes.some((one) => 'error' in one)) await allHaveHeard(peers);
  return outcomes.map((one, rank) => {
    if (!('error' in one)) return one.value;
    const { code, message } = one.error;
    throw new KappaError(code, `Rank ${rank} of ${peers.worldSize}: ${message}`, {
      cause: rank === peers.rank && isError(failure) ? failure : undefined,
    });
  });
}

const HEARD_MS = 10_000;

/**
 * Before all ranks end with an error that they told each other: the one that keeps the store must not be gone before the
 * others have read it there, or they end with that instead. Waits a moment, and says nothing of its own.
 */
export async function allHaveHeard(peers: Peers): Promise<void> {
  const heard = peers.gatherText('').catch(() => undefined);
  await Promise.race([heard, delay(HEARD_MS, undefined, { ref: false })]);
}
