import type { RecordedNumber } from '../records/record';
import { drawUnits, type DrawOptions } from './draws';
import type { Influence } from './influence';
import { intervalOfDraws, rateAtLimitDraws, rounded, shareDraws, wilsonInterval } from './rates';

interface Drawable {
  id: string;
  label: string;
  value: number;
  /** Missing where nothing tells how far the number may move. */
  draws?: (moved: readonly Float64Array[]) => Float64Array;
}

/** A rate where another one has a given value: TAR at FAR, TPIR at FPIR. */
export interface LimitedRate {
  /** The rate, and how far each unit moves it at one and the same threshold. */
  readonly value: number;
  readonly influence: Influence;
  /** The other rate there in fact, and how far each unit moves it; 0 tells nothing of how far the threshold may move. */
  readonly limit: number;
  readonly limitInfluence: Influence;
  /** The value at which the other one was asked for; as it is in fact by default. */
  readonly wanted?: number;
  /** The rate where the other one has another value. */
  readonly rateAt: (limit: number) => number;
}

/** Numbers of one benchmark that are drawn together. */
export class DrawnNumbers {
  readonly #units: number;
  readonly #influences: Influence[] = [];
  readonly #numbers: Drawable[] = [];

  /** @param units how many things are drawn, and take part in some observation */
  constructor(units: number) {
    this.#units = units;
  }

  /** Adds an influence that some number needs. @returns its place among what `draws` is given */
  place(influence: Influence): number {
    return this.#influences.push(influence) - 1;
  }

  /** Adds a number. @param draws it in each draw, from how far each draw moves each influence */
  add(id: string, label: string, value: number, draws?: Drawable['draws']): void {
    this.#numbers.push({ id, label, value, ...(draws && { draws }) });
  }

  /** Adds a share. */
  share(id: string, label: string, value: number, influence: Influence): void {
    const place = this.place(influence);
    this.add(id, label, value, (moved) => shareDraws(value, moved[place]!));
  }

  /** Adds a mean of rates, each of which is read where another one has a given value. */
  rateAtLimit(id: string, label: string, rates: readonly LimitedRate[]): void {
    const places = rates.map(
      (rate) => [this.place(rate.influence), this.place(rate.limitInfluence)] as const,
    );
    const value = rates.reduce((sum, rate) => sum + rate.value, 0) / rates.length;
    const draws = (moved: readonly Float64Array[]): Float64Array => {
      const each = rates.map(({ limit, wanted = limit, rateAt }, i) =>
        rateAtLimitDraws({
          rateAt,
          wanted,
          limit: { value: limit, moved: moved[places[i]![1]]! },
          moved: moved[places[i]![0]]!,
        }),
      );
      return each[0]!.map((_, draw) => each.reduce((sum, one) => sum + one[draw]!, 0) / each.length);
    };
    if (rates.every(({ limit }) => limit > 0)) this.add(id, label, value, draws);
    else this.add(id, label, value);
  }

  /** Draws them. */
  draw(options: DrawOptions = {}): RecordedNumber[] {
    const moved = drawUnits(this.#influences, options);
    return this.#numbers.map(({ id, label, value, draws }): RecordedNumber => {
      const number = { id, label, value, isShare: true };
      if (!draws) return number;
      const all = draws(moved);
      const interval = value > 0 && value < 1 ? intervalOfDraws(all) : wilsonInterval(value, this.#units);
      return { ...number, interval, draws: Array.from(all, rounded) };
    });
  }
}

/** How a rate at a FAR is called. */
export function tarAtFarNames(far: number): [id: string, label: string] {
  return [`tar@far=${far.toExponential()}`, `TAR at FAR ${far.toExponential()}`];
}
