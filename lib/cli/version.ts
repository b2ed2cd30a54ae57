import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The package's version; package.json is two folders above this file, in lib/ and in dist/ alike. */
export function packageVersion(): string {
  const text = readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
