import { createServer, type Server, type Socket } from 'node:net';
import { KappaError } from '../../errors';
import { endpointText, isLoopback, listen, plainAddress } from './addresses';
import { Coordinator } from './coordinator';
import { JsonLines } from './json-lines';
import { Member } from './member';
import { parseToRendezvous, PROTOCOL, type ToLauncher, type ToRendezvous } from './messages';
import type { RunShape } from './run-shape';
import { Timers } from './timers';

/** Connections that have not said hello: more are turned away. */
const MAX_STRANGERS = 256;

/** The rendezvous of a run: the sockets around a {@link Coordinator}. */
export class RendezvousServer {
  readonly port: number;
  readonly #server: Server;
  readonly #shape: RunShape;
  readonly #coordinator: Coordinator;
  readonly #timers = new Timers<'heartbeat'>();
  readonly #strangers = new Set<JsonLines<ToRendezvous, ToLauncher>>();
  /** This machine's address as nodes elsewhere reach it. */
  #outside: string | undefined;
  #lastLook = performance.now();

  /**
   * Listens for launchers.
   *
   * @param host address to listen on; undefined for all
   * @throws the error of the system, such as EADDRINUSE
   */
  static async open(shape: RunShape, port: number, host: string | undefined): Promise<RendezvousServer> {
    const server = createServer();
    return new RendezvousServer(shape, server, await listen(server, port, host));
  }

  private constructor(shape: RunShape, server: Server, port: number) {
    this.port = port;
    this.#shape = shape;
    this.#server = server;
    this.#coordinator = new Coordinator(shape);
    server.on('connection', (socket) => this.#greet(socket));
    const { heartbeat } = shape.times;
    this.#timers.every('heartbeat', heartbeat, () => this.#lookAfterMembers());
  }

  /** Listens no more. Of a run that has ended, everybody hears; otherwise whoever is connected is dropped. */
  async close(): Promise<void> {
    this.#timers.clear();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#coordinator.abandon();
    for (const stranger of this.#strangers) stranger.destroy();
    await closed;
  }

  #greet(socket: Socket): void {
    let member: Member | undefined;
    const lines = new JsonLines<ToRendezvous, ToLauncher>(socket, parseToRendezvous, {
      onMessage: (message) => {
        if (member) return this.#coordinator.receive(member, message);
        this.#welcomed(lines, timer);
        member = this.#enter(lines, message);
      },
      onClose: (error) => {
        this.#welcomed(lines, timer);
        if (member) this.#coordinator.leave(member, error?.message ?? 'its launcher closed the connection');
      },
    });
    const timer = setTimeout(() => lines.destroy(), this.#shape.times.connect);
    socket.once('close', () => this.#welcomed(lines, timer));
    this.#strangers.add(lines);
    if (this.#strangers.size > MAX_STRANGERS) lines.destroy();
  }

  #welcomed(lines: JsonLines<ToRendezvous, ToLauncher>, timer: NodeJS.Timeout): void {
    clearTimeout(timer);
    this.#strangers.delete(lines);
  }

  #enter(lines: JsonLines<ToRendezvous, ToLauncher>, message: ToRendezvous): Member | undefined {
    const refuse = (code: string, text: string): undefined => {
      lines.send({ kind: 'refused', code, message: text });
      lines.end();
    };
    if (message.kind !== 'hello')
      return refuse('ERR_PEER', `Expected a hello of protocol ${PROTOCOL} but received ${message.kind}.`);
    const remote = plainAddress(lines.socket.remoteAddress);
    const local = plainAddress(lines.socket.localAddress);
    const isHere = remote === local || isLoopback(remote);
    if (!isHere) this.#outside ??= local;
    const entered = this.#coordinator.enter(message, {
      send: (answer) => lines.send(answer),
      end: () => lines.end(),
      // Who is on this machine is reached as it is from outside, which the others' connections show.
      addressNow: () => (isHere ? (this.#outside ?? remote) : remote),
    });
    return entered instanceof Member ? entered : refuse(entered.code, entered.message);
  }

  #lookAfterMembers(): void {
    const now = performance.now();
    const { silence } = this.#shape.times;
    // A process that was stopped itself has heard nobody, and must not blame the others.
    const wasAway = now - this.#lastLook > silence;
    this.#lastLook = now;
    for (const member of [...this.#coordinator.members]) {
      if (wasAway) member.lastHeard = now;
      member.link.send({ kind: 'heartbeat' });
      if (now - member.lastHeard > silence)
        this.#coordinator.leave(member, `nothing was heard of it for ${silence / 1000} s`);
    }
  }
}

/** The error of a rendezvous that cannot be opened at its place. */
export function cannotListen(error: unknown, host: string, port: number): KappaError {
  const { code, message } = error as NodeJS.ErrnoException;
  const at = endpointText(host, port);
  const why =
    code === 'EADDRINUSE'
      ? `the port is taken, perhaps by another kappa launch: choose another --master-port or --rdzv-endpoint`
      : code === 'EADDRNOTAVAIL'
        ? 'this machine has no such address: node rank 0 runs where --master-addr is'
        : message;
  return new KappaError('ERR_CONFIG', `Cannot listen at ${at} for the other nodes: ${why}.`, {
    cause: error,
  });
}
