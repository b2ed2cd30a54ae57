import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';

import { KappaError, messageOf } from '../errors';

/**
 * The address of this machine from which it reaches another one; nothing is sent. What a machine calls itself is no help:
 * often that is a loopback address.
 *
 * @throws KappaError `ERR_PEER`
 */
export async function localAddress(host: string, port: number): Promise<string> {
  try {
    const { address, family } = await lookup(host);
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.connect(port, address, resolve);
      });
      return socket.address().address;
    } finally {
      socket.close();
    }
  } catch (error) {
    throw new KappaError(
      'ERR_PEER',
      `There is no way from this machine to ${host}, where the ranks of the run meet: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}
