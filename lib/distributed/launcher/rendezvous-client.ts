import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { KappaError, type KappaErrorCode } from '../../errors';
import { endpointText } from './addresses';
import { JsonLines } from './json-lines';
import { parseToLauncher, type Hello, type ToLauncher, type ToRendezvous } from './messages';
import { Timers } from './timers';
import type { LauncherTimes } from './times';

/** How long between two tries to reach the rendezvous, in milliseconds. */
const RETRY_MS = 500;

export interface RendezvousPlace {
  readonly host: string;
  readonly port: number;
}

export interface ClientListener {
  onMessage(link: RendezvousLink, message: ToLauncher): void;
  /** The rendezvous is gone or silent; called once, and not after `close`. */
  onLost(why: string): void;
  /** It is not reached yet; called when the reason changes. */
  onWait(why: string): void;
}

/** A launcher's connection to the rendezvous, once it was welcomed. */
export class RendezvousLink {
  readonly #lines: JsonLines<ToLauncher, ToRendezvous>;
  readonly #timers = new Timers<'heartbeat'>();
  #lastHeard = performance.now();
  #lastLook = performance.now();

  constructor(
    lines: JsonLines<ToLauncher, ToRendezvous>,
    times: LauncherTimes,
    onSilence: (why: string) => void,
  ) {
    this.#lines = lines;
    this.#timers.every('heartbeat', times.heartbeat, () => {
      const now = performance.now();
      // Whoever was stopped itself has heard nothing, and waits anew.
      if (now - this.#lastLook > times.silence) this.#lastHeard = now;
      this.#lastLook = now;
      this.send({ kind: 'heartbeat' });
      if (now - this.#lastHeard > times.silence)
        onSilence(`nothing was heard of it for ${times.silence / 1000} s`);
    });
  }

  heard(): void {
    this.#lastHeard = performance.now();
  }

  send(message: ToRendezvous): void {
    this.#lines.send(message);
  }

  close(): void {
    this.#timers.clear();
    this.#lines.end();
  }

  /** Closes at once: on a connection that is dead nothing can be closed in order. */
  destroy(): void {
    this.#timers.clear();
    this.#lines.destroy();
  }
}

/** Why a try failed, and whether another one may help. */
interface Unreached {
  why: string;
  isRefused: boolean;
}

export interface ConnectOptions {
  /** Whether it was there before: if nobody listens any more, it has ended. */
  readonly isAgain: boolean;
  readonly signal: AbortSignal;
}

/**
 * Connects to the rendezvous and says hello; tries until the time to join is over.
 *
 * @throws KappaError ERR_TIMEOUT where it is not reached, ERR_PEER where it has ended, ERR_CANCELLED by the signal, and
 *   what it refuses with
 */
export async function joinRendezvous(
  place: RendezvousPlace,
  hello: Hello,
  times: LauncherTimes,
  listener: ClientListener,
  { isAgain, signal }: ConnectOptions,
): Promise<RendezvousLink> {
  const at = endpointText(place.host, place.port);
  const started = performance.now();
  let refusedSince: number | undefined;
  let said: string | undefined;
  for (;;) {
    const tried = await tryToJoin(place, hello, times, listener, signal);
    if (tried instanceof RendezvousLink) return tried;
    const now = performance.now();
    refusedSince = tried.isRefused ? (refusedSince ?? now) : undefined;
    if (tried.why !== said && !signal.aborted) listener.onWait(`${at}: ${(said = tried.why)}`);
    if (signal.aborted) throw new KappaError('ERR_CANCELLED', `Joining the run at ${at} was interrupted.`);
    if (isAgain && refusedSince !== undefined && now - refusedSince >= times.silence)
      throw new KappaError('ERR_PEER', `The launcher of node 0 at ${at} has ended, and with it the run.`);
    if (now - started >= times.join)
      throw new KappaError(
        'ERR_TIMEOUT',
        `The launcher of node 0 was not reached at ${at} within ${times.join / 1000} s: ${tried.why}.`,
      );
    await sleep(Math.min(RETRY_MS, times.heartbeat), undefined, { signal }).catch(() => undefined);
  }
}

function tryToJoin(
  { host, port }: RendezvousPlace,
  hello: Hello,
  times: LauncherTimes,
  listener: ClientListener,
  signal: AbortSignal,
): Promise<RendezvousLink | Unreached> {
  return new Promise((resolve, reject) => {
    let link: RendezvousLink | undefined;
    const lost = (why: string): void => {
      link?.destroy();
      lines.destroy();
      listener.onLost(why);
    };
    const socket = connect(port, host);
    const lines: JsonLines<ToLauncher, ToRendezvous> = new JsonLines(socket, parseToLauncher, {
      onMessage: (message) => {
        link?.heard();
        if (message.kind === 'refused') {
          finish();
          lines.destroy();
          reject(new KappaError(message.code as KappaErrorCode, message.message));
        } else if (message.kind === 'welcome') {
          finish();
          link = new RendezvousLink(lines, times, lost);
          resolve(link);
        } else if (message.kind !== 'heartbeat' && link) listener.onMessage(link, message);
      },
      onClose: (error) => {
        if (link) return lost(error?.message ?? 'it closed the connection');
        finish();
        const { code } = (error?.cause ?? {}) as NodeJS.ErrnoException;
        resolve({ why: error?.message ?? 'it closed the connection', isRefused: code === 'ECONNREFUSED' });
      },
    });
    const giveUp = (why: string) => (): void => {
      finish();
      lines.destroy();
      resolve({ why, isRefused: false });
    };
    const onAbort = giveUp('interrupted');
    const timer = setTimeout(giveUp(`no answer within ${times.connect / 1000} s`), times.connect);
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => lines.send(hello));
  });
}
