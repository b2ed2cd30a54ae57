import { lookup } from 'node:dns/promises';
import { createServer, isIP, isIPv6, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';

/** An IPv4 address as it is, where it came wrapped in an IPv6 one. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}

export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127\./.test(address);
}

/** `host:port`, with brackets where the host is an IPv6 address. */
export function endpointText(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether a host is this machine: one of its addresses, or a name of one. A name that nobody knows is not. */
export async function isThisMachine(host: string): Promise<boolean> {
  if (isLoopback(host)) return true;
  const own = Object.values(networkInterfaces()).flatMap((faces) =>
    (faces ?? []).map(({ address }) => address),
  );
  try {
    const addresses = isIP(host) ? [host] : (await lookup(host, { all: true })).map(({ address }) => address);
    return addresses.some((address) => isLoopback(address) || own.includes(address));
  } catch {
    return false;
  }
}

/**
 * What to listen on so that others reach `host`: an address itself; for a name all, since /etc/hosts may give a
 * machine's own name an address that is good on it alone.
 */
export function bindAddress(host: string): string | undefined {
  return isIP(host) ? host : host === 'localhost' ? '127.0.0.1' : undefined;
}

/** Listens, and tells the port. Without a host it listens on all addresses. */
export function listen(server: Server, port: number, host?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host }, () => {
      server.off('error', reject);
      // A server that listens has no more errors than failed accepts: the next one may do.
      server.on('error', () => undefined);
      resolve((server.address() as { port: number }).port);
    });
  });
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server, 0);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
