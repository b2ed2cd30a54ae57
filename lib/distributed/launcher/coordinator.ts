import { randomUUID } from 'node:crypto';

import type { KappaErrorCode } from '../../errors';
import { isLoopback } from './addresses';
import { admit, type Refusal } from './admission';
import { mayBeConsequence } from './cause';
import { Gathering } from './gathering';
import { byRank, Member, type MemberLink } from './member';
import type { EndMessage, Hello, StopSignal, StoppedMessage, ToRendezvous } from './messages';
import type { RunShape } from './run-shape';
import { Timers } from './timers';
import { judge, type StopReason } from './verdict';

const weights: Readonly<Record<StopReason, number>> = { membership: 0, failure: 1, interrupt: 2 };

type Phase = 'gathering' | 'checking' | 'running' | 'stopping' | 'ended';

/**
 * Leads the nodes of a run from round to round: gathers them, has them check that each reaches each, has them start the
 * workers together and stop them together, names the cause of a failure, counts restarts. It knows no sockets.
 */
export class Coordinator {
  readonly #shape: RunShape;
  readonly #members = new Map<string, Member>();
  #participants: Member[] = [];
  #phase: Phase = 'gathering';
  readonly #launch = randomUUID();
  #round = -1;
  #restarts = 0;
  #order = 0;
  #reason: StopReason | undefined;
  #grace = Infinity;
  #signal: StopSignal = 'SIGTERM';
  /** Nodes that went away in this round, in words. */
  #lost: string[] = [];
  #end: EndMessage | undefined;
  readonly #gathering: Gathering;
  readonly #timers = new Timers<'check' | 'settle' | 'stop'>();

  constructor(shape: RunShape) {
    this.#shape = shape;
    this.#gathering = new Gathering(shape.nodes, shape.times, {
      onComplete: () => this.#close(),
      onMissed: () => this.#missed(),
    });
    this.#gather();
  }

  get members(): Iterable<Member> {
    return this.#members.values();
  }

  /** Takes a launcher in. @returns the member, or why it may not come in */
  enter(hello: Hello, link: MemberLink): Member | Refusal {
    if (this.#end)
      return { code: 'ERR_PEER', message: `The run is over: ${this.#end.message ?? this.#end.outcome}` };
    const refusal = admit(hello, this.#shape, [...this.members]);
    if (refusal) return refusal;
    const before = this.#members.get(hello.id);
    if (before) {
      this.leave(before, 'it has connected anew');
      // That may have been the end of the run.
      return this.enter(hello, link);
    }
    const member = new Member(hello, link, this.#order++, hello.id === this.#shape.hostId);
    this.#members.set(hello.id, member);
    link.send({ kind: 'welcome' });
    if (this.#phase === 'gathering') this.#lookAround();
    else if (this.#phase === 'running') this.#letIn();
    return member;
  }

  /** A launcher is gone, for the reason given. */
  leave(member: Member, why: string): void {
    if (this.#members.get(member.hello.id) !== member) return;
    this.#members.delete(member.hello.id);
    member.link.end();
    if (this.#phase === 'gathering') this.#lookAround();
    if (!this.#participants.includes(member) || this.#phase === 'ended') return;
    this.#participants = this.#participants.filter((other) => other !== member);
    const text = `Lost ${member.name}: ${why}.`;
    this.#lost.push(text);
    this.#tell(text);
    this.#stop(
      this.#phase === 'checking' || this.#isRange ? 'membership' : 'failure',
      this.#shape.times.grace,
    );
    this.#concludeIfStopped();
  }

  receive(member: Member, message: ToRendezvous): void {
    member.lastHeard = performance.now();
    if (message.kind === 'interrupted') return this.#interrupt(member, message.signal);
    if (message.kind === 'hello' || message.kind === 'heartbeat') return;
    // What belongs to an earlier round says nothing any more.
    if (message.round !== this.#round || !this.#participants.includes(member)) return;
    switch (message.kind) {
      case 'checked':
        return this.#checked(member, message.problems, message.masterPort);
      case 'failed':
        return this.#failed(member, message.failure);
      case 'done':
        member.hasFinished = true;
        if (this.#phase === 'running' && this.#participants.every((one) => one.hasFinished))
          this.#finish({ kind: 'end', outcome: 'done' });
        return;
      case 'stopped':
        return this.#stopped(member, message);
    }
  }

  /** Leads the run no more; if it has not ended, the others find that out by themselves. No timer is left. */
  abandon(): void {
    this.#phase = 'ended';
    this.#timers.clear();
    this.#gathering.stop();
    for (const { link } of this.members) link.end();
    this.#members.clear();
  }

  get #isRange(): boolean {
    return this.#shape.nodes.min < this.#shape.nodes.max;
  }

  #tell(text: string): void {
    for (const { link } of this.members) link.send({ kind: 'note', text });
  }

  #gather(): void {
    this.#phase = 'gathering';
    this.#participants = [];
    [this.#reason, this.#grace] = [undefined, Infinity];
    this.#lost = [];
    for (const member of [...this.members]) {
      if (member.interrupted) this.#dismiss(member, member.interrupted);
      else member.reset();
    }
    this.#lookAround();
  }

  /** The time for nodes to come is over. */
  #missed(): void {
    const { min } = this.#shape.nodes;
    const here = [...this.members].map(({ name }) => name);
    this.#fail(
      'ERR_TIMEOUT',
      `Only ${here.length} of ${min} nodes came within ${this.#shape.times.join / 1000} s: ${here.join(', ')}.`,
    );
  }

  #lookAround(): void {
    const [here, { max }] = [this.#members.size, this.#shape.nodes];
    if (here > 0 && here < max) this.#tell(`Waiting for nodes: ${here} of ${max} are here.`);
    this.#gathering.count(here);
  }

  /** A round is complete: everybody gets a place, and checks that it reaches the others. */
  #close(): void {
    this.#phase = 'checking';
    this.#round++;
    this.#participants = [...this.members].sort(byRank).slice(0, this.#shape.nodes.max);
    const nodes = this.#participants.map((member) => member.place());
    this.#participants.forEach((member, nodeRank) => {
      [member.state, member.nodeRank] = ['checking', nodeRank];
      member.link.send({
        ...{ kind: 'round', launch: this.#launch, round: this.#round },
        ...{ restartCount: this.#restarts, nodeRank, nodes },
      });
    });
    this.#timers.after('check', 3 * this.#shape.times.connect, () => {
      const silent = this.#participants.filter(({ state }) => state === 'checking').map(({ name }) => name);
      this.#fail('ERR_TIMEOUT', `No answer of ${silent.join(', ')} to whether it reaches the other nodes.`);
    });
  }

  #checked(member: Member, problems: readonly string[], masterPort: number | undefined): void {
    if (this.#phase !== 'checking') return;
    member.state = 'checked';
    member.masterPort = masterPort;
    if (problems.length > 0)
      return this.#fail('ERR_PEER', `Nodes do not reach each other:\n${problems.join('\n')}`);
    if (!this.#participants.every(({ state }) => state === 'checked')) return;
    this.#timers.clear('check');
    this.#phase = 'running';
    const [first] = this.#participants;
    const isAlone = this.#participants.length === 1 && isLoopback(first!.address);
    const masterAddress = (isAlone ? this.#shape.masterAddress : undefined) ?? first!.address;
    for (const other of this.#participants) {
      other.state = 'running';
      other.link.send({
        kind: 'start',
        round: this.#round,
        masterAddress,
        masterPort: first!.masterPort ?? 29500,
      });
    }
    this.#letIn();
  }

  /** Where there is room for a node that waits, the others write a checkpoint and begin a round with it. */
  #letIn(): void {
    const waiting = [...this.members].filter((member) => !this.#participants.includes(member));
    if (waiting.length === 0 || this.#participants.length >= this.#shape.nodes.max) return;
    this.#tell(`${waiting[0]!.hello.host} joins: all go on from a checkpoint with it.`);
    this.#stop('membership', this.#shape.times.checkpointGrace);
  }

  #failed(member: Member, failure: StoppedMessage['failures'][number]): void {
    if (this.#phase !== 'running') return;
    member.failures.push({ ...failure, at: performance.now() - failure.age });
    const stop = (): void => this.#stop('failure', this.#shape.times.grace);
    if (!mayBeConsequence(failure)) stop();
    else if (!this.#timers.has('settle')) this.#timers.after('settle', this.#shape.times.settle, stop);
  }

  #interrupt(member: Member, signal: StopSignal): void {
    if (this.#phase === 'ended') return;
    member.interrupted = signal;
    this.#signal = signal;
    const others = [...this.members].filter(({ interrupted }) => interrupted === undefined);
    const goOn = this.#isRange && !member.isHost && others.length >= this.#shape.nodes.min;
    if (!this.#participants.includes(member)) {
      if (!goOn) return this.#finish({ kind: 'end', outcome: 'interrupted', signal });
      this.#dismiss(member, signal);
      return this.#phase === 'gathering' ? this.#lookAround() : undefined;
    }
    this.#tell(`${signal} on ${member.name}.`);
    this.#stop(goOn ? 'membership' : 'interrupt', this.#shape.times.checkpointGrace);
  }

  /** Lets a node go that was interrupted; the others go on. */
  #dismiss(member: Member, signal: StopSignal): void {
    this.#members.delete(member.hello.id);
    member.link.send({ kind: 'end', outcome: 'interrupted', signal });
    member.link.end();
  }

  /** Brings the workers of all nodes down; where they are told to already, only what is more urgent is said. */
  #stop(reason: StopReason, grace: number): void {
    const isUrgent = this.#reason === undefined || grace < this.#grace || reason === 'interrupt';
    if (!this.#reason || weights[reason] > weights[this.#reason]) this.#reason = reason;
    if (!isUrgent) return;
    this.#grace = grace;
    this.#timers.clear('check', 'settle');
    this.#phase = 'stopping';
    const signal = reason === 'interrupt' ? this.#signal : 'SIGTERM';
    for (const { link, state } of this.#participants)
      if (state !== 'stopped') link.send({ kind: 'stop', round: this.#round, signal, grace });
    this.#timers.after('stop', grace + 2 * this.#shape.times.silence, () => {
      for (const member of this.#participants.filter(({ state }) => state !== 'stopped'))
        this.leave(member, 'it did not bring its workers down');
    });
  }

  #stopped(member: Member, { failures, unresponsive, done }: StoppedMessage): void {
    const now = performance.now();
    member.failures = failures.map((failure) => ({ ...failure, at: now - failure.age }));
    member.unresponsive = unresponsive;
    if (done) member.hasFinished = true;
    member.state = 'stopped';
    this.#concludeIfStopped();
  }

  #concludeIfStopped(): void {
    if (this.#phase !== 'stopping' || !this.#participants.every(({ state }) => state === 'stopped')) return;
    this.#timers.clear('stop');
    this.#conclude();
  }

  /** Everything is down: what was it, and what now? */
  #conclude(): void {
    const verdict = judge({
      nodes: this.#participants,
      lost: this.#lost,
      reason: this.#reason ?? 'failure',
      isRange: this.#isRange,
    });
    if (verdict.next === 'fail') this.#fail(verdict.code, verdict.message);
    else if (verdict.next === 'restart') this.#restart(verdict.code, verdict.message);
    else if (verdict.next === 'done') this.#finish({ kind: 'end', outcome: 'done' });
    else if (verdict.next === 'goOn') this.#gather();
    else this.#finish({ kind: 'end', outcome: 'interrupted', signal: this.#signal });
  }

  #restart(code: KappaErrorCode, why: string): void {
    const { maxRestarts } = this.#shape;
    if (this.#restarts >= maxRestarts)
      return this.#fail(code, maxRestarts === 0 ? why : `${why}\nNo restart of ${maxRestarts} is left.`);
    this.#restarts++;
    this.#tell(`${why}\nStarting all anew: restart ${this.#restarts} of ${maxRestarts}.`);
    this.#gather();
  }

  #fail(code: KappaErrorCode, message: string): void {
    this.#finish({ kind: 'end', outcome: 'failed', code, message });
  }

  #finish(end: EndMessage): void {
    if (this.#phase === 'ended') return;
    this.#end = end;
    for (const { link } of this.members) link.send(end);
    this.abandon();
  }
}
