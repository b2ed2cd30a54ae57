/** A record or file that cannot be used. */
export interface BadSample {
  /** The record's key, or the file's path relative to its root. */
  key: string;
  reason: string;
}

/** The text of a list of bad records: lines that begin with `#` say what it is, then `key<TAB>reason`. */
export function formatBadList(heading: readonly string[], samples: readonly BadSample[]): string {
  const clean = (text: string) => text.replace(/[\t\r\n]+/g, ' ');
  return [
    ...heading.map((line) => `# ${clean(line)}\n`),
    ...samples.map(({ key, reason }) => `${clean(key)}\t${clean(reason)}\n`),
  ].join('');
}
