import type { DatedFailure } from './cause';
import type { Hello, RoundMessage, StopSignal, ToLauncher } from './messages';

/** How the rendezvous speaks to a launcher. */
export interface MemberLink {
  send(message: ToLauncher): void;
  /** Closes the connection once everything has been sent. */
  end(): void;
  /** Address at which this machine is reached by the others, as far as connections tell by now. */
  addressNow(): string;
}

/** A launcher as the rendezvous sees it. */
export class Member {
  readonly hello: Hello;
  readonly link: MemberLink;
  /** When it came, as a number that grows. */
  readonly order: number;
  /** Whether the rendezvous runs in it. */
  readonly isHost: boolean;
  /** When something was last heard of it. */
  lastHeard = performance.now();
  /** Its place in the round under way. */
  nodeRank = -1;
  state: 'waiting' | 'checking' | 'checked' | 'running' | 'stopped' = 'waiting';
  masterPort: number | undefined;
  failures: DatedFailure[] = [];
  unresponsive: readonly number[] = [];
  /** All its workers ended with 0. */
  hasFinished = false;
  /** It leaves with this signal. */
  interrupted: StopSignal | undefined;

  constructor(hello: Hello, link: MemberLink, order: number, isHost: boolean) {
    this.hello = hello;
    this.link = link;
    this.order = order;
    this.isHost = isHost;
  }

  /** What a message calls it. */
  get name(): string {
    const rank = this.nodeRank >= 0 ? this.nodeRank : this.hello.nodeRank;
    const node = rank === undefined ? 'a node' : `node ${rank}`;
    return `${node} (${this.hello.host}, ${this.address})`;
  }

  get address(): string {
    return this.hello.address ?? this.link.addressNow();
  }

  /** What the others are told of it. */
  place(): RoundMessage['nodes'][number] {
    const { id, host, port, processes } = this.hello;
    return { id, host, address: this.address, port, processes };
  }

  /** Makes it ready for another round. */
  reset(): void {
    this.state = 'waiting';
    this.nodeRank = -1;
    this.masterPort = undefined;
    this.failures = [];
    this.unresponsive = [];
    this.hasFinished = false;
  }
}

/** The order of nodes: as given, else the machine of the rendezvous and then as they came. */
export function byRank(a: Member, b: Member): number {
  return (
    (a.hello.nodeRank ?? 0) - (b.hello.nodeRank ?? 0) ||
    Number(b.isHost) - Number(a.isHost) ||
    a.order - b.order
  );
}
