/** What commands print: results on stdout, everything else on stderr. */

/** Prints the one JSON value of `--json`, on one line. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Prints a line of a result. */
export function printText(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Tells the person at the terminal something that is no result. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A whole number as people read it: 1,234,567. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}
