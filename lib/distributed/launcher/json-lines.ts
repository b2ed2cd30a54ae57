import type { Socket } from 'node:net';
import { KappaError, messageOf } from '../../errors';

/** Far above what a message needs, far below what would fill the memory. */
const MAX_LINE_BYTES = 1 << 19;

/** What a {@link JsonLines} tells. */
export interface JsonLinesListener<Message> {
  /** A message that passed the parser. */
  onMessage(message: Message): void;
  /** The connection is over, once. The error says why, where the other end did not just close it. */
  onClose(error?: KappaError): void;
}

/**
 * A connection that carries one JSON value a line. A line that is too long, no JSON or refused by the parser ends it:
 * whatever speaks there is no launcher.
 */
export class JsonLines<Incoming, Outgoing> {
  readonly socket: Socket;
  readonly #parse: (value: unknown) => Incoming;
  #listener: JsonLinesListener<Incoming> | undefined;
  #chunks: Buffer[] = [];
  #length = 0;
  #failure: KappaError | undefined;

  constructor(socket: Socket, parse: (value: unknown) => Incoming, listener: JsonLinesListener<Incoming>) {
    this.socket = socket;
    this.#parse = parse;
    this.#listener = listener;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 10_000);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => {
      // Where several addresses were tried, the error has a code and no words.
      const why = error.message || String((error as NodeJS.ErrnoException).code);
      this.#failure ??= new KappaError('ERR_PEER', why, { cause: error });
    });
    socket.on('close', () => this.#close());
  }

  /** Sends a message; on a connection that is over it is dropped. */
  send(message: Outgoing): void {
    if (this.socket.writable) this.socket.write(`${JSON.stringify(message)}\n`);
  }

  /** Closes in order: what was sent arrives. The listener hears no more. */
  end(): void {
    this.#listener = undefined;
    this.socket.end();
    // Whoever does not close its end is cut off.
    const timer = setTimeout(() => this.socket.destroy(), 1_000).unref();
    this.socket.once('close', () => clearTimeout(timer));
  }

  /** Closes at once; the listener hears no more. */
  destroy(): void {
    this.#listener = undefined;
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = Buffer.concat([...this.#chunks, rest.subarray(0, end)]);
      rest = rest.subarray(end + 1);
      [this.#chunks, this.#length] = [[], 0];
      if (this.#listener === undefined) return;
      if (line.length > MAX_LINE_BYTES || !this.#take(line.toString('utf8'))) return this.#refuse();
    }
    if (rest.length > 0) this.#chunks.push(rest);
    this.#length += rest.length;
    if (this.#length > MAX_LINE_BYTES) this.#refuse();
  }

  #take(line: string): boolean {
    let message: Incoming;
    try {
      message = this.#parse(JSON.parse(line));
    } catch (error) {
      this.#failure = new KappaError(
        'ERR_PEER',
        `what speaks there is no launcher of this version: it sent ${JSON.stringify(line.slice(0, 60))} (${messageOf(error).split('\n')[0]})`,
      );
      return false;
    }
    this.#listener?.onMessage(message);
    return true;
  }

  #refuse(): void {
    this.#failure ??= new KappaError(
      'ERR_PEER',
      `what speaks there is no launcher of this version: it sent a line of more than ${MAX_LINE_BYTES} bytes`,
    );
    [this.#chunks, this.#length] = [[], 0];
    this.socket.destroy();
  }

  #close(): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.onClose(this.#failure);
  }
}
