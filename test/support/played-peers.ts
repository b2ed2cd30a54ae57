import type { Peers } from '../../lib/run/peers';

interface Round {
  texts: (string | undefined)[];
  resolve: (texts: string[]) => void;
  all: Promise<string[]>;
}

/** Ranks that are all in this process. */
export function playedPeers(worldSize: number): Peers[] {
  const rounds: Round[] = [];
  const round = (number: number): Round => {
    let resolve!: Round['resolve'];
    const all = new Promise<string[]>((settle) => (resolve = settle));
    return (rounds[number] ??= { texts: new Array<undefined>(worldSize).fill(undefined), resolve, all });
  };
  return Array.from({ length: worldSize }, (_, rank): Peers => {
    let calls = 0;
    return {
      rank,
      worldSize,
      gatherText(text) {
        const { texts, resolve, all } = round(calls++);
        texts[rank] = text;
        if (texts.every((one) => one !== undefined)) resolve(texts);
        return all;
      },
    };
  });
}

/** The rows that a rank has, where they are spread as evenly as can be. */
export function rowsOfRank(rows: number, rank: number, worldSize: number): { first: number; count: number } {
  const first = Math.floor((rank * rows) / worldSize);
  return { first, count: Math.floor(((rank + 1) * rows) / worldSize) - first };
}
