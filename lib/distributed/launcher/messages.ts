import { lazySchema, type Output } from '../../options/schema';
import type { Z } from '../../options/schema';

/**
 * What the launchers of a run say to each other: one JSON value a line. A launcher connects to the rendezvous, says
 * hello and is welcomed or refused; from then on the rendezvous leads and the launchers answer.
 */

/** Grows with every change of what is said here. */
export const PROTOCOL = 1;

const whole = (z: Z) => z.int().min(0);
const port = (z: Z) => z.int().min(0).max(65535);
const text = (z: Z) => z.string().max(20_000);
const signal = (z: Z) => z.enum(['SIGINT', 'SIGTERM']);

/** Why a worker is to blame, told by its node. */
const failure = (z: Z) =>
  z.object({
    rank: whole(z),
    nodeRank: whole(z),
    host: text(z),
    pid: whole(z),
    /** The code of its error, where it reported one. */
    code: text(z).optional(),
    /** What it reported. */
    message: text(z).optional(),
    /** How it ended, like `exit code 1`; where it has not, that it reported. */
    ended: text(z),
    /** Last step that it told of. */
    step: whole(z).optional(),
    tail: z.array(text(z)).max(100),
    /** Milliseconds since it happened: clocks of machines differ. */
    age: z.number().min(0),
  });

const hello = (z: Z) =>
  z.object({
    kind: z.literal('hello'),
    protocol: whole(z),
    version: text(z),
    runId: text(z),
    /** The same as long as the launcher runs, over all its connections. */
    id: text(z),
    host: text(z),
    processes: z.int().min(1),
    nodes: z.object({ min: z.int().min(1), max: z.int().min(1) }),
    maxRestarts: whole(z),
    /** Where node ranks are given on the command line. */
    nodeRank: whole(z).optional(),
    /** Address that the user gave for this machine. */
    address: text(z).optional(),
    /** Port at which it answers other launchers; 0 where there are none. */
    port: port(z),
  });

const toRendezvous = lazySchema((z) =>
  z.discriminatedUnion('kind', [
    hello(z),
    z.object({ kind: z.literal('heartbeat') }),
    /** Which other nodes could not be reached; node 0 adds a free port for the workers. */
    z.object({
      kind: z.literal('checked'),
      round: whole(z),
      problems: z.array(text(z)).max(100),
      masterPort: port(z).optional(),
    }),
    z.object({ kind: z.literal('failed'), round: whole(z), failure: failure(z) }),
    /** All workers of the node ended with 0. */
    z.object({ kind: z.literal('done'), round: whole(z) }),
    /** After stop: no worker of the node is left. */
    z.object({
      kind: z.literal('stopped'),
      round: whole(z),
      failures: z.array(failure(z)).max(32),
      /** Ranks that only SIGKILL ended. */
      unresponsive: z.array(whole(z)).max(4096),
      done: z.boolean(),
    }),
    /** Someone pressed Ctrl-C there, or the scheduler takes the machine away. */
    z.object({ kind: z.literal('interrupted'), signal: signal(z) }),
  ]),
);

const toLauncher = lazySchema((z) =>
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('welcome') }),
    z.object({ kind: z.literal('refused'), code: text(z), message: text(z) }),
    z.object({ kind: z.literal('heartbeat') }),
    /** A round is complete: who takes part, in the order of node ranks. */
    z.object({
      kind: z.literal('round'),
      /** Tells this run from every other, in all of its rounds. */
      launch: text(z),
      round: whole(z),
      restartCount: whole(z),
      nodeRank: whole(z),
      nodes: z
        .array(
          z.object({
            id: text(z),
            host: text(z),
            address: text(z),
            port: port(z),
            processes: z.int().min(1),
          }),
        )
        .min(1)
        .max(10_000),
    }),
    /** Everybody reaches everybody: start the workers. */
    z.object({
      kind: z.literal('start'),
      round: whole(z),
      masterAddress: text(z),
      masterPort: z.int().min(1).max(65535),
    }),
    /** Bring the workers down: this signal, and SIGKILL after the grace. */
    z.object({ kind: z.literal('stop'), round: whole(z), signal: signal(z), grace: z.number().min(0) }),
    /** For the person at the terminal. */
    z.object({ kind: z.literal('note'), text: text(z) }),
    z.object({
      kind: z.literal('end'),
      outcome: z.enum(['done', 'failed', 'interrupted']),
      code: text(z).optional(),
      message: text(z).optional(),
      signal: signal(z).optional(),
    }),
  ]),
);

export type ToRendezvous = Output<typeof toRendezvous>;
export type ToLauncher = Output<typeof toLauncher>;
export type Hello = Extract<ToRendezvous, { kind: 'hello' }>;
export type WorkerFailure = Extract<ToRendezvous, { kind: 'failed' }>['failure'];
export type StoppedMessage = Extract<ToRendezvous, { kind: 'stopped' }>;
export type RoundMessage = Extract<ToLauncher, { kind: 'round' }>;
export type StartMessage = Extract<ToLauncher, { kind: 'start' }>;
export type EndMessage = Extract<ToLauncher, { kind: 'end' }>;
export type StopSignal = 'SIGINT' | 'SIGTERM';

/** What a launcher said. @throws where it is no message */
export function parseToRendezvous(value: unknown): ToRendezvous {
  return toRendezvous().parse(value);
}

/** What the rendezvous said. @throws where it is no message */
export function parseToLauncher(value: unknown): ToLauncher {
  return toLauncher().parse(value);
}
