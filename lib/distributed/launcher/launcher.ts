import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { KappaError, type KappaErrorCode } from '../../errors';
import { bindAddress, freePort, isThisMachine } from './addresses';
import type { EndMessage, Hello, RoundMessage, StartMessage, StopSignal, ToLauncher } from './messages';
import { PROTOCOL } from './messages';
import { Sink } from './output';
import type { LaunchPlan } from './plan';
import { findUnreachable, PreflightListener } from './preflight';
import { joinRendezvous, type RendezvousLink, type RendezvousPlace } from './rendezvous-client';
import { cannotListen, RendezvousServer } from './rendezvous-server';
import { roundWorkers, type Terminal } from './round-workers';
import { defaultTimes, type LauncherTimes } from './times';
import { WorkerGroup } from './worker-group';

/** How a run ended that did not fail. */
export type LaunchOutcome = { outcome: 'done' } | { outcome: 'interrupted'; signal: StopSignal };

const nothingStopped = { failures: [], unresponsive: [], done: false };

/**
 * Starts the workers of this node and keeps them with those of the other nodes: all start together, all are brought
 * down together where one fails, and all are started anew together as often as is allowed. What happens when is said by
 * the rendezvous; a launcher does it on its machine.
 */
export class Launcher {
  readonly #plan: LaunchPlan;
  readonly #times: LauncherTimes;
  readonly #id = randomUUID();
  readonly #terminal: Terminal;
  readonly #stopJoining = new AbortController();
  #listener: PreflightListener | undefined;
  #server: RendezvousServer | undefined;
  #link: RendezvousLink | undefined;
  #round: RoundMessage | undefined;
  #group: WorkerGroup | undefined;
  #interrupted: StopSignal | undefined;
  #settle!: (outcome: LaunchOutcome) => void;
  #fail!: (error: unknown) => void;
  readonly #over = new Promise<LaunchOutcome>((resolve, reject) => {
    this.#settle = resolve;
    this.#fail = reject;
  });

  constructor(plan: LaunchPlan) {
    this.#plan = plan;
    this.#times = { ...defaultTimes, ...plan.times };
    this.#terminal = { stdout: new Sink(plan.stdout), stderr: new Sink(plan.stderr) };
    // It may fail before anybody waits for it.
    this.#over.catch(() => undefined);
  }

  /**
   * Runs until the run is over on all nodes; no worker is left then.
   *
   * @throws KappaError with the cause: the code of the worker's error that brought the run down, ERR_PEER for one that
   *   gave none or a node that was lost, ERR_TIMEOUT where nodes did not come, ERR_CONFIG or ERR_VERSION where launchers
   *   do not fit each other
   */
  async run(): Promise<LaunchOutcome> {
    try {
      const place = await this.#open();
      if (this.#interrupted === undefined) await this.#join(place, false);
      return await this.#over;
    } catch (error) {
      if (this.#interrupted !== undefined && isCancelled(error))
        return { outcome: 'interrupted', signal: this.#interrupted };
      throw error;
    } finally {
      await this.#close();
    }
  }

  /** Has all nodes end: their workers get the signal and may write a checkpoint first. */
  interrupt(signal: StopSignal): void {
    this.#interrupted = signal;
    this.#stopJoining.abort();
    this.#link?.send({ kind: 'interrupted', signal });
    const stopped = this.#group?.stop(signal, this.#times.checkpointGrace) ?? Promise.resolve();
    // Without a rendezvous nobody else says that this is the end.
    if (this.#link === undefined) void stopped.then(() => this.#settle({ outcome: 'interrupted', signal }));
  }

  /** Ends all workers, and what they started, at once. */
  kill(): void {
    this.#group?.kill();
  }

  async #open(): Promise<RendezvousPlace> {
    const { meeting, nodes, runId, version } = this.#plan;
    if (nodes.max > 1)
      this.#listener = await PreflightListener.open({ runId, version, id: this.#id }, this.#times.connect);
    if (meeting.kind === 'alone') return { host: '127.0.0.1', port: await this.#serve('127.0.0.1', 0) };
    const { host, port } = meeting;
    if (meeting.kind === 'static') {
      if (meeting.nodeRank === 0) await this.#serve(host, port);
    } else if (await isThisMachine(host)) {
      // The first launcher at the address of the rendezvous serves it, the others on that machine find it there.
      await this.#serve(host, port).catch((error: unknown) => {
        const { code } = (error as KappaError).cause as NodeJS.ErrnoException;
        if (code !== 'EADDRINUSE') throw error;
      });
    }
    return { host, port };
  }

  async #serve(host: string, port: number): Promise<number> {
    const { nodes, runId, version, maxRestarts, meeting } = this.#plan;
    const masterAddress = meeting.kind === 'alone' ? meeting.masterAddress : undefined;
    const shape = { runId, version, nodes, maxRestarts, hostId: this.#id, times: this.#times, masterAddress };
    try {
      this.#server = await RendezvousServer.open(shape, port, bindAddress(host));
    } catch (error) {
      throw cannotListen(error, host, port);
    }
    return this.#server.port;
  }

  async #join(place: RendezvousPlace, isAgain: boolean): Promise<void> {
    const { host, port } = place;
    // A server of this process is reached without asking for names.
    const target = this.#server && bindAddress(host) === undefined ? { host: '127.0.0.1', port } : place;
    const link = await joinRendezvous(
      target,
      this.#hello(),
      this.#times,
      {
        onMessage: (from, message) => this.#receive(from, message),
        onLost: (why) => void this.#lost(place, why).catch(this.#fail),
        onWait: (why) => this.#plan.onMessage(`Waiting for the launcher of node 0 at ${why}`),
      },
      { isAgain, signal: this.#stopJoining.signal },
    );
    this.#link = link;
    if (this.#interrupted !== undefined) link.send({ kind: 'interrupted', signal: this.#interrupted });
  }

  #hello(): Hello {
    const { processes, nodes, runId, version, maxRestarts, meeting, localAddress } = this.#plan;
    return {
      kind: 'hello',
      protocol: PROTOCOL,
      version,
      runId,
      id: this.#id,
      host: hostname(),
      processes,
      nodes,
      maxRestarts,
      ...(meeting.kind === 'static' ? { nodeRank: meeting.nodeRank } : {}),
      ...(localAddress === undefined ? {} : { address: localAddress }),
      port: this.#listener?.port ?? 0,
    };
  }

  #receive(link: RendezvousLink, message: ToLauncher): void {
    try {
      this.#obey(link, message);
    } catch (error) {
      this.#fail(error);
    }
  }

  #obey(link: RendezvousLink, message: ToLauncher): void {
    switch (message.kind) {
      case 'note':
        return this.#plan.onMessage(message.text);
      case 'round':
        return void this.#check(link, message).catch(this.#fail);
      case 'start':
        return this.#start(link, message);
      case 'stop': {
        const { round, signal, grace } = message;
        const stopping = this.#group?.stop(signal, grace) ?? Promise.resolve(nothingStopped);
        return void stopping
          .then((stopped) => link.send({ kind: 'stopped', round, ...stopped }))
          .catch(this.#fail);
      }
      case 'end':
        return void this.#end(link, message).catch(this.#fail);
    }
  }

  /** Tells whether this node reaches the others, and node 0 at which port the workers will meet. */
  async #check(link: RendezvousLink, round: RoundMessage): Promise<void> {
    this.#round = round;
    this.#group = undefined;
    const { meeting, runId, version } = this.#plan;
    const problems = await findUnreachable(round, { runId, version, id: this.#id }, this.#times.connect);
    const given = meeting.kind === 'alone' ? meeting.masterPort : undefined;
    const masterPort = round.nodeRank === 0 ? (given ?? (await freePort())) : undefined;
    link.send({ kind: 'checked', round: round.round, problems, masterPort });
  }

  #start(link: RendezvousLink, message: StartMessage): void {
    const round = this.#round!;
    if (message.round !== round.round) return;
    this.#group = new WorkerGroup(roundWorkers(this.#plan, round, message, this.#terminal), {
      onFailure: (failure) => link.send({ kind: 'failed', round: round.round, failure }),
      onDone: () => link.send({ kind: 'done', round: round.round }),
    });
  }

  async #end(
    link: RendezvousLink,
    { outcome, code, message, signal = 'SIGTERM' }: EndMessage,
  ): Promise<void> {
    link.close();
    // Mostly there is nobody left by now.
    await this.#group?.stop(signal, this.#times.grace);
    if (outcome === 'failed') {
      const known = (code === 'ERR_USAGE' ? 'ERR_CONFIG' : code) as KappaErrorCode | undefined;
      this.#fail(new KappaError(known ?? 'ERR_PEER', message ?? 'The run failed.'));
    } else this.#settle(outcome === 'done' ? { outcome } : { outcome, signal });
  }

  /** The rendezvous is gone, or this node is cut off: its workers end, and it tries to come back. */
  async #lost(place: RendezvousPlace, why: string): Promise<void> {
    this.#link = undefined;
    this.#plan.onMessage(`Lost the launcher of node 0 at ${place.host}:${place.port}: ${why}.`);
    await this.#group?.stop(this.#interrupted ?? 'SIGTERM', this.#times.grace);
    this.#group = undefined;
    if (this.#interrupted !== undefined)
      return this.#settle({ outcome: 'interrupted', signal: this.#interrupted });
    this.#plan.onMessage(
      `The workers of this node are stopped; trying to come back for ${this.#times.join / 1000} s.`,
    );
    await this.#join(place, true);
  }

  async #close(): Promise<void> {
    this.#listener?.close();
    this.#link?.destroy();
    this.#group?.kill();
    await this.#group?.stop('SIGTERM', 0);
    await this.#server?.close();
    this.#terminal.stdout.release();
    this.#terminal.stderr.release();
  }
}

function isCancelled(error: unknown): boolean {
  return error instanceof KappaError && error.code === 'ERR_CANCELLED';
}
