import { createRequire } from 'node:module';
import type * as yaml from 'yaml';

const load = createRequire(__filename);

const MAX_FLOW_DEPTH = 64;
const MAX_COLUMN = 200;
const MAX_INDICATORS = 64;

// The lexer's mark before a scalar, whose text is no bracket even where it looks like one.
const SCALAR = '\x1f';

/**
 * Parses YAML that nests no deeper than a config can. The parser recurses, and a stack that ends while V8 compiles a
 * regular expression ends the process, so the depth is bounded before.
 *
 * @throws Error for text that is no YAML or nests too deeply
 */
export function parseYaml(text: string): unknown {
  const { Lexer, parse } = load('yaml') as typeof yaml;
  const line = deepBlock(text);
  if (line !== undefined) throw new Error(`it is nested too deeply at line ${line}`);
  if (hasDeepFlow(new Lexer().lex(text)))
    throw new Error(`its brackets are nested more than ${MAX_FLOW_DEPTH} deep`);
  // Warnings would be printed by the parser; what it warns of is no config, and is refused as such.
  return parse(text, { logLevel: 'error' });
}

/** The line, counted from 1, where blocks may nest too deeply: by their column, or by indicators in one line. */
function deepBlock(text: string): number | undefined {
  for (const [i, line] of text.split(/\r\n|\r|\n/).entries()) {
    const column = /[^\s?:-]/.exec(line)?.index ?? line.length;
    const indicators = line.match(/[-?]\s/g)?.length ?? 0;
    if (column > MAX_COLUMN || indicators > MAX_INDICATORS) return i + 1;
  }
  return undefined;
}

function hasDeepFlow(tokens: Iterable<string>): boolean {
  let depth = 0;
  let before = '';
  for (const token of tokens) {
    if (before !== SCALAR) {
      if (token === '[' || token === '{') depth++;
      else if (token === ']' || token === '}') depth--;
    }
    if (depth > MAX_FLOW_DEPTH) return true;
    before = token;
  }
  return false;
}
