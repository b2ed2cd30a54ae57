import type { z } from 'zod';
import type { Schema } from '../../lib/options/schema';

type Node = z.core.$ZodTypes;

/** A node without what says how it may be missing, and whether it may. */
function unwrap(outer: Node): { node: Node; optional: boolean; nullable: boolean } {
  let node = outer;
  let [optional, nullable] = [false, false];
  for (;;) {
    const { def } = node._zod;
    if (def.type === 'pipe') node = def.in as Node;
    else if (def.type === 'default' || def.type === 'prefault' || def.type === 'optional') {
      optional = true;
      node = def.innerType as Node;
    } else if (def.type === 'nullable') {
      nullable = true;
      node = def.innerType as Node;
    } else return { node, optional, nullable };
  }
}

function docOf(node: Node): string | undefined {
  return (node as unknown as z.ZodType).description;
}

/** What is written of a default: nothing for a section, whose options have defaults of their own. */
function defaultOf(outer: Node): string | undefined {
  for (let node = outer; ;) {
    const { def } = node._zod;
    if (def.type === 'default') return JSON.stringify(def.defaultValue);
    if (def.type === 'pipe') node = def.in as Node;
    else if (def.type === 'nullable' || def.type === 'optional') node = def.innerType as Node;
    else return undefined;
  }
}

function property(name: string, outer: Node): string {
  const { optional } = unwrap(outer);
  const initial = defaultOf(outer);
  const lines = [docOf(outer), initial === undefined ? undefined : `@default ${initial}`].filter(Boolean);
  const comment =
    lines.length === 1
      ? `/** ${lines.join()} */\n`
      : `/**\n${lines.map((line) => ` * ${line}\n`).join('')} */\n`;
  return `${comment}${name}${optional ? '?' : ''}: ${typeText(outer)};`;
}

function literals(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(' | ');
}

/** The TypeScript type of what a user writes for a schema, each option with its doc line and its default. */
export function typeText(schema: Schema | Node): string {
  const { node, nullable } = unwrap(schema as Node);
  const text = plainType(node);
  return nullable ? `${text} | null` : text;
}

function plainType(node: Node): string {
  const { def } = node._zod;
  switch (def.type) {
    case 'number':
    case 'string':
    case 'boolean':
      return def.type;
    case 'literal':
      return literals(def.values);
    case 'enum':
      return literals(Object.values(def.entries));
    case 'array':
      return `readonly (${typeText(def.element as Node)})[]`;
    case 'tuple':
      return `[${def.items.map((item) => typeText(item as Node)).join(', ')}]`;
    case 'union':
      return def.options.map((option) => typeText(option as Node)).join(' | ');
    case 'object':
      return `{\n${Object.entries(def.shape)
        .map(([name, value]) => property(name, value as Node))
        .join('\n')}\n}`;
    default:
      throw new Error(`No words for options of type ${def.type}: teach scripts/dev/type-text.ts.`);
  }
}
