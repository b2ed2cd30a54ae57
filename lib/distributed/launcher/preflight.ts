import { connect, createServer, type Server } from 'node:net';
import { endpointText, listen } from './addresses';
import { JsonLines } from './json-lines';
import type { RoundMessage } from './messages';
import { lazySchema, type Output } from '../../options/schema';

/** Connections that a node makes at the same time. */
const AT_ONCE = 32;

const peerSchema = lazySchema((z) =>
  z.object({ kind: z.literal('peer'), runId: z.string(), version: z.string(), id: z.string() }),
);

/** Who a launcher is to another one. */
type Peer = Output<typeof peerSchema>;
type Identity = Omit<Peer, 'kind'>;

const parsePeer = (value: unknown): Peer => peerSchema().parse(value);

/** Answers other launchers that try whether they reach this one. */
export class PreflightListener {
  readonly port: number;
  readonly #server: Server;
  readonly #open = new Set<JsonLines<Peer, Peer>>();

  static async open(self: Identity, timeout: number): Promise<PreflightListener> {
    const server = createServer();
    return new PreflightListener(server, await listen(server, 0), self, timeout);
  }

  private constructor(server: Server, port: number, self: Identity, timeout: number) {
    this.port = port;
    this.#server = server;
    server.on('connection', (socket) => {
      const lines: JsonLines<Peer, Peer> = new JsonLines(socket, parsePeer, {
        onMessage: () => {
          lines.send({ kind: 'peer', ...self });
          lines.end();
        },
        onClose: () => undefined,
      });
      const timer = setTimeout(() => lines.destroy(), timeout);
      this.#open.add(lines);
      socket.once('close', () => {
        clearTimeout(timer);
        this.#open.delete(lines);
      });
    });
  }

  close(): void {
    this.#server.close();
    for (const lines of this.#open) lines.destroy();
  }
}

/**
 * Tries to reach every other node of a round.
 *
 * @returns what is wrong, a line for each node that is not reached
 */
export async function findUnreachable(
  { nodes, nodeRank }: RoundMessage,
  self: Identity,
  timeout: number,
): Promise<string[]> {
  const own = nodes[nodeRank]!;
  const name = (rank: number): string => {
    const { host, address, port } = nodes[rank]!;
    return `node ${rank} (${host}, ${endpointText(address, port)})`;
  };
  const problems: string[] = [];
  const others = nodes.map((_, rank) => rank).filter((rank) => rank !== nodeRank);
  const next = async (): Promise<void> => {
    for (let rank = others.shift(); rank !== undefined; rank = others.shift()) {
      const why = await tryPeer(nodes[rank]!, self, timeout);
      if (why !== undefined)
        problems.push(`node ${nodeRank} (${own.host}, ${own.address}) does not reach ${name(rank)}: ${why}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  return problems.slice(0, 100);
}

/** @returns why it is not reached; undefined where it is */
function tryPeer(
  node: RoundMessage['nodes'][number],
  self: Identity,
  timeout: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const lines: JsonLines<Peer, Peer> = new JsonLines(connect(node.port, node.address), parsePeer, {
      onMessage: ({ id, version }) => {
        if (id !== node.id) settle('another program answers there');
        else settle(version === self.version ? undefined : `it is of kappaface ${version}`);
      },
      onClose: (error) => settle(error?.message ?? 'it closed the connection'),
    });
    const settle = (why: string | undefined): void => {
      clearTimeout(timer);
      lines.destroy();
      resolve(why);
    };
    const timer = setTimeout(() => settle(`no answer within ${timeout / 1000} s`), timeout);
    lines.socket.once('connect', () => lines.send({ kind: 'peer', ...self }));
  });
}
