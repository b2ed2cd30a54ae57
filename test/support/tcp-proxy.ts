import { connect, createServer, type Server, type Socket } from 'node:net';
import { listen } from '../../lib/distributed/launcher/addresses';

/** Passes connections on to a port of this machine, until the link is cut. */
export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  static async open(target: number): Promise<TcpProxy> {
    const server = createServer();
    return new TcpProxy(server, await listen(server, 0, '127.0.0.1'), target);
  }

  private constructor(server: Server, port: number, target: number) {
    this.port = port;
    this.#server = server;
    server.on('connection', (inner) => {
      this.#add(inner);
      // Whoever connects over a link that is cut hears nothing, ever.
      if (this.#isCut) return;
      const outer = connect(target, '127.0.0.1');
      this.#add(outer);
      for (const [from, to] of [
        [inner, outer],
        [outer, inner],
      ] as const) {
        from.on('data', (chunk) => void (this.#isCut || to.write(chunk)));
        from.on('close', () => void (this.#isCut || to.destroy()));
      }
    });
  }

  /** From now on nothing comes through, and nobody is told. */
  cut(): void {
    this.#isCut = true;
  }

  /** New connections come through again. */
  mend(): void {
    this.#isCut = false;
  }

  /** Breaks all connections, which both ends notice at once. */
  break(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    this.break();
  }

  #add(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
