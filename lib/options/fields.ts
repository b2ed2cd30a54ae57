import type { z } from 'zod';
import type { Schema } from './schema';

/**
 * Questions about a schema's structure: which keys does a section have, what is expected at a path, what does the doc
 * line say. Everybody asks here and never looks into zod's own objects.
 */

/** A plain object with string keys: what a section of options is. */
export type Section = Record<string, unknown>;

/** Whether a value is a plain object, and so may be a section of options. */
export function isSection(value: unknown): value is Section {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects of another realm (a config run by a loader) have a prototype of their own.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Reads an own property, so that names like `constructor` are no keys. */
export function ownValue(section: unknown, key: string): unknown {
  return isSection(section) && Object.hasOwn(section, key) ? section[key] : undefined;
}

type Node = z.core.$ZodTypes;

interface Unwrapped {
  node: Node;
  nullable: boolean;
}

function unwrap(node: Node): Unwrapped {
  let nullable = false;
  for (;;) {
    const def = node._zod.def;
    if (def.type === 'nullable') nullable = true;
    if (
      def.type === 'default' ||
      def.type === 'prefault' ||
      def.type === 'optional' ||
      def.type === 'nullable'
    )
      node = def.innerType as Node;
    else if (def.type === 'pipe') node = def.in as Node;
    else return { node, nullable };
  }
}

/** The name of a schema node that tells the variants of a section apart (`kind`), if it has variants. */
function discriminatorOf(node: Node): string | undefined {
  const def = node._zod.def;
  return def.type === 'union' && 'discriminator' in def ? String(def.discriminator) : undefined;
}

/** The values that a literal or enumeration allows. */
function valuesOf(node: Node): unknown[] {
  const { node: inner } = unwrap(node);
  const def = inner._zod.def;
  if (def.type === 'literal') return [...def.values];
  if (def.type === 'enum') return Object.values(def.entries);
  return [];
}

function shapeOf(node: Node, value: unknown): Record<string, Node> | undefined {
  const def = node._zod.def;
  if (def.type === 'object') return def.shape as Record<string, Node>;
  const discriminator = discriminatorOf(node);
  if (def.type !== 'union' || discriminator === undefined) return undefined;
  const shapes = def.options.map((option) => shapeOf(unwrap(option as Node).node, value));
  const kind = ownValue(value, discriminator);
  // The first variant is the default one.
  if (kind === undefined) return shapes[0];
  return shapes.find((shape) => {
    const literal = shape?.[discriminator];
    return literal !== undefined && valuesOf(literal).includes(kind);
  });
}

/** One option or section of a schema. */
export interface Field {
  /** The doc line. */
  readonly doc: string;
  /** What a value must be, in words. */
  readonly expected: string;
  /** Names below it: of a section, and of the variant that its value chooses. */
  readonly keys: readonly string[];
  /** Whether it is a section with fixed names below it. */
  readonly isSection: boolean;
  /** Whether only text, or text and null, is accepted. */
  readonly isText: boolean;
  /** Whether null is accepted. */
  readonly isNullable: boolean;
  /** The key that chooses between variants of the section, if there are variants. */
  readonly discriminator: string | undefined;
  /** What it is where nothing is given; undefined for what must be given, may be left out, or is a section. */
  readonly initial: unknown;
}

/** The field at a path, given the whole value (variants are chosen by it); undefined where there is none. */
export function fieldAt(schema: Schema, path: readonly PropertyKey[], whole: unknown): Field | undefined {
  const parentPath = path.slice(0, -1);
  const parent = path.length > 0 ? nodeAt(schema, parentPath, whole) : undefined;
  if (parent) {
    const { node } = unwrap(parent);
    const key = String(path.at(-1));
    if (key === discriminatorOf(node))
      return variantField(node, key, shapeOf(node, at(whole, parentPath))?.[key]);
  }
  const node = nodeAt(schema, path, whole);
  return node && toField(node, at(whole, path));
}

/** The value at a path. */
export function at(whole: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) => (Array.isArray(value) ? value[Number(part)] : ownValue(value, String(part))),
    whole,
  );
}

function nodeAt(schema: Schema, path: readonly PropertyKey[], whole: unknown): Node | undefined {
  let outer: Node | undefined = schema as unknown as Node;
  for (const [i, part] of path.entries()) {
    if (outer === undefined) return undefined;
    const { node } = unwrap(outer);
    const def = node._zod.def;
    if (def.type === 'array') outer = typeof part === 'number' ? (def.element as Node) : undefined;
    else if (def.type === 'tuple')
      outer = typeof part === 'number' ? (def.items[part] as Node | undefined) : undefined;
    else {
      const shape = shapeOf(node, at(whole, path.slice(0, i))) ?? {};
      outer = Object.hasOwn(shape, String(part)) ? shape[String(part)] : undefined;
    }
  }
  return outer;
}

function variantField(union: Node, key: string, chosen?: Node): Field {
  const def = union._zod.def;
  const options = def.type === 'union' ? def.options : [];
  const values = options.flatMap((option) => {
    const shape = shapeOf(unwrap(option as Node).node, undefined);
    return shape?.[key] === undefined ? [] : valuesOf(shape[key]);
  });
  return {
    doc: chosen === undefined ? '' : docOf(chosen),
    initial: chosen === undefined ? undefined : valuesOf(chosen)[0],
    expected: oneOf(values),
    keys: [],
    isSection: false,
    isText: true,
    isNullable: false,
    discriminator: undefined,
  };
}

function toField(outer: Node, value: unknown): Field {
  const { node, nullable } = unwrap(outer);
  const shape = shapeOf(node, value);
  const type = node._zod.def.type;
  const literals = valuesOf(node);
  return {
    doc: docOf(outer),
    initial: initialOf(outer),
    expected: expectation(outer),
    keys: Object.keys(shape ?? {}),
    isSection: type === 'object' || discriminatorOf(node) !== undefined,
    isText: type === 'string' || (literals.length > 0 && literals.every((x) => typeof x === 'string')),
    isNullable: nullable,
    discriminator: discriminatorOf(node),
  };
}

/** Whether and how a value may be missing. */
function initialOf(outer: Node): unknown {
  for (let node = outer; ;) {
    const def = node._zod.def;
    if (def.type === 'default') return def.defaultValue;
    if (def.type === 'pipe') node = def.in as Node;
    else if (def.type === 'nullable' || def.type === 'optional') node = def.innerType as Node;
    else return undefined;
  }
}

/**
 * The variants of a section, by the value of `kind` (or whatever tells them apart), with the names each has.
 *
 * @returns an empty list for a section without variants
 */
export function variantsAt(
  schema: Schema,
  path: readonly PropertyKey[],
  whole: unknown,
): { kind: string; keys: readonly string[] }[] {
  const node = nodeAt(schema, path, whole);
  const union = node && unwrap(node).node;
  const def = union?._zod.def;
  const discriminator = union && discriminatorOf(union);
  if (def?.type !== 'union' || discriminator === undefined) return [];
  return def.options.flatMap((option) => {
    const shape = shapeOf(unwrap(option as Node).node, undefined) ?? {};
    const literal = shape[discriminator];
    return literal ? [{ kind: String(valuesOf(literal)[0]), keys: Object.keys(shape) }] : [];
  });
}

function docOf(node: Node): string {
  return (node as unknown as z.ZodType).description ?? '';
}

function oneOf(values: readonly unknown[]): string {
  const texts = values.map((value) => JSON.stringify(value));
  return texts.length === 1 ? `${texts[0]}` : `one of ${texts.join(', ')}`;
}

/** The limits of a number or of a text's length, in words. */
function limits(node: Node): string {
  const def = node._zod.def as { readonly checks?: readonly { readonly _zod: { readonly def: object } }[] };
  const texts = (def.checks ?? []).flatMap(({ _zod }) => {
    const limit = _zod.def as { check?: string; value?: number; inclusive?: boolean };
    if (limit.check === 'greater_than') return `${limit.inclusive ? 'at least' : 'above'} ${limit.value}`;
    if (limit.check === 'less_than')
      return `${limit.inclusive ? 'at most' : 'below'} ${numberText(limit.value)}`;
    return limit.check === 'multiple_of' ? `a multiple of ${limit.value}` : [];
  });
  return texts.length === 0 ? '' : `, ${texts.join(' and ')}`;
}

function numberText(value: number | undefined): string {
  return value === Math.PI ? 'pi' : String(value);
}

/** What a node accepts, in words: "a whole number, at least 1, or null". */
function expectation(outer: Node): string {
  const { node, nullable } = unwrap(outer);
  const meta = (node as unknown as z.ZodType).meta();
  const text = typeof meta?.expected === 'string' ? meta.expected : plainExpectation(node);
  return nullable ? `${text}, or null` : text;
}

function plainExpectation(node: Node): string {
  const def = node._zod.def;
  switch (def.type) {
    case 'number':
      return `${'format' in def && def.format === 'safeint' ? 'a whole number' : 'a number'}${limits(node)}`;
    case 'string':
      return def.checks === undefined ? 'text' : 'text that is not empty';
    case 'boolean':
      return 'true or false';
    case 'literal':
    case 'enum':
      return oneOf(valuesOf(node));
    case 'array':
      return `a list, each element ${expectation(def.element as Node)}`;
    case 'tuple':
      return `a list of ${def.items.length}, each ${expectation(def.items[0] as Node)}`;
    case 'union':
      if (discriminatorOf(node) !== undefined) return 'a section';
      return def.options.map((option) => expectation(option as Node)).join(' or ');
    default:
      return 'a section';
  }
}
