import { execFileSync, spawnSync } from 'node:child_process';

/** Two machines, played by two network namespaces that a cable (a veth pair) joins. */
export class NamespacePair {
  /** Names of the namespaces. */
  readonly names: readonly [string, string];
  readonly addresses = ['10.77.0.1', '10.77.0.2'] as const;

  /** Whether this process may make them. */
  static isPossible(): boolean {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
    const name = `kappa-try-${process.pid}`;
    const isMade = spawnSync('ip', ['netns', 'add', name]).status === 0;
    if (isMade) spawnSync('ip', ['netns', 'del', name]);
    return isMade;
  }

  constructor() {
    const { pid } = process;
    this.names = [`kappa-${pid}-a`, `kappa-${pid}-b`];
    const cables = [`kpa${pid}`, `kpb${pid}`];
    for (const name of this.names) ip('netns', 'add', name);
    ip('link', 'add', cables[0]!, 'type', 'veth', 'peer', 'name', cables[1]!);
    this.names.forEach((name, i) => {
      ip('link', 'set', cables[i]!, 'netns', name);
      ip('-n', name, 'link', 'set', cables[i]!, 'name', 'cable');
      ip('-n', name, 'addr', 'add', `${this.addresses[i]}/24`, 'dev', 'cable');
      for (const device of ['lo', 'cable']) ip('-n', name, 'link', 'set', device, 'up');
    });
  }

  /** A command as it runs on one of the machines. */
  on(machine: 0 | 1, command: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.names[machine], ...command];
  }

  /** Pulls the cable of the second machine. */
  cut(): void {
    ip('-n', this.names[1], 'link', 'set', 'cable', 'down');
  }

  /** Puts the cable in again. */
  mend(): void {
    ip('-n', this.names[1], 'link', 'set', 'cable', 'up');
  }

  remove(): void {
    for (const name of this.names) spawnSync('ip', ['netns', 'del', name]);
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
