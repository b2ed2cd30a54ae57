/** Timers by name: setting one again moves it, and none is left where all are cleared. */
export class Timers<Name extends string> {
  readonly #timers = new Map<Name, NodeJS.Timeout>();

  has(name: Name): boolean {
    return this.#timers.has(name);
  }

  after(name: Name, delay: number, body: () => void): void {
    this.clear(name);
    const run = (): void => {
      this.#timers.delete(name);
      body();
    };
    this.#timers.set(name, setTimeout(run, delay));
  }

  every(name: Name, delay: number, body: () => void): void {
    this.clear(name);
    this.#timers.set(name, setInterval(body, delay));
  }

  /** Clears the timers of these names, by default all. */
  clear(...names: Name[]): void {
    for (const name of names.length === 0 ? [...this.#timers.keys()] : names) {
      clearTimeout(this.#timers.get(name));
      this.#timers.delete(name);
    }
  }
}
