import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { temporaryFolder } from '../../support/folder';
import { staticNodes, TestLaunch, testTimes, workerProgram } from '../../support/launch';

describe('the rendezvous', function () {
  this.timeout(60_000);
  const worker = workerProgram(temporaryFolder());

  /** Says something to a port and hears until it closes. */
  async function say(port: number, data: string | Buffer): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(data);
    return text(socket).catch(() => '');
  }

  const hello = {
    ...{ kind: 'hello', protocol: 1, version: '1.2.3', runId: 'test', id: 'x', host: 'h', processes: 1 },
    ...{ nodes: { min: 2, max: 2 }, maxRestarts: 0, nodeRank: 1, port: 1 },
  };

  it('turns away what is no launcher, and goes on with its run', async () => {
    const [first, second] = await staticNodes(2, { times: { ...testTimes, connect: 1_000 } });
    const { port } = first!.meeting as { port: number };
    const a = new TestLaunch(worker(`say('well')`), first);
    await a.tells(/Waiting for nodes/);
    const strangers: (string | Buffer)[] = [
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      '\n',
      'null\n',
      '[]\n',
      '{"kind":"hello"}\n',
      `${JSON.stringify({ ...hello, processes: 0 })}\n`,
      `${JSON.stringify({ ...hello, nodes: { min: -1, max: 'x' } })}\n`,
      `${JSON.stringify({ ...hello, id: 'y'.repeat(600_000) })}\n`,
      Buffer.alloc(1 << 20, 120),
      Buffer.from([0, 255, 254, 10, 0]),
    ];
    for (const stranger of strangers) assert.equal(await say(port, stranger), '');
    // What is a message, but not the first one, and what says nothing at all.
    assert.match(
      await say(port, '{"kind":"heartbeat"}\n'),
      /^\{"kind":"refused","code":"ERR_PEER","message":"Expected a hello/,
    );
    assert.equal(await say(port, ''), '');
    // Another protocol, and a message of a member that is none.
    assert.match(
      await say(port, `${JSON.stringify({ ...hello, protocol: 99 })}\n`),
      /"code":"ERR_VERSION".*protocol 99/,
    );
    assert.match(await say(port, `${JSON.stringify(hello)}\n{"kind":"failed","round":-3}\n`), /"welcome"/);
    const b = new TestLaunch(worker(`say('well')`), second);
    for (const launch of [a, b]) {
      assert.deepEqual(await launch.result, { outcome: 'done' });
      assert.match(launch.text, /well/);
    }
  });

  it('does not believe a member that speaks of another round', async () => {
    const [first] = await staticNodes(2);
    const { port } = first!.meeting as { port: number };
    const a = new TestLaunch(worker(`say('ready'); setTimeout(() => process.exit(0), 500)`), first);
    await a.tells(/Waiting for nodes/);
    const socket = connect(port, '127.0.0.1');
    socket.setEncoding('utf8');
    let heard = '';
    socket.on('data', (data: string) => (heard += data));
    const hears = async (what: string): Promise<void> => {
      while (!heard.includes(what)) await once(socket, 'data');
    };
    const send = (message: object): void => void socket.write(`${JSON.stringify(message)}\n`);
    // It cannot be reached, so the launcher is told that it is, by a listener of its own.
    const { createServer } = await import('node:net');
    const peer = createServer((other) => {
      other.on('error', () => undefined);
      other.once('data', () =>
        other.end(`${JSON.stringify({ kind: 'peer', runId: 'test', version: '1.2.3', id: 'x' })}\n`),
      );
    });
    peer.listen(0, '127.0.0.1');
    await once(peer, 'listening');
    send({ ...hello, port: (peer.address() as { port: number }).port });
    await hears('"kind":"round"');
    send({ kind: 'checked', round: 5, problems: ['a lie'] });
    send({ kind: 'checked', round: 0, problems: [] });
    await hears('"kind":"start"');
    send({ kind: 'done', round: 7 });
    send({ kind: 'stopped', round: 7, failures: [], unresponsive: [], done: true });
    await a.shows(/ready/);
    send({ kind: 'done', round: 0 });
    assert.deepEqual(await a.result, { outcome: 'done' });
    await hears('"outcome":"done"');
    socket.destroy();
    peer.close();
  });
});
