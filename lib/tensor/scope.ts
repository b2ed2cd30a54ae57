import { AsyncLocalStorage } from 'node:async_hooks';
import { types } from 'node:util';

/** What a scope can own. */
export interface Disposable {
  dispose(): void;
}

/** The tensors of one run of `scope`. */
export class Scope {
  readonly owned = new Set<Disposable>();
  /** Whether the function has come to its end. */
  ended = false;
  constructor(readonly outer: Scope | null) {}
}

const storage = new AsyncLocalStorage<Scope>();

/** The scope that a call made here belongs to: the innermost that has not ended. */
export function openScope(): Scope | null {
  let scope = storage.getStore() ?? null;
  while (scope?.ended) scope = scope.outer;
  return scope;
}

/** Hands a new object to its scope; one that has ended meanwhile frees it at once. */
export function adopt(object: Disposable, scope: Scope | null): void {
  if (scope?.ended) object.dispose();
  else scope?.owned.add(object);
}

/** Takes an object out of every scope: only `dispose` or the garbage collector frees it then. */
export function release(object: Disposable): void {
  for (let scope = storage.getStore(); scope; scope = scope.outer ?? undefined) scope.owned.delete(object);
}

/** Whether an object is a plain one, be it of another realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function visit(value: unknown, found: (object: Disposable) => boolean, depth = 0): void {
  if (typeof value !== 'object' || value === null || depth > 4) return;
  if (found(value as Disposable)) return;
  if (Array.isArray(value) || types.isSet(value)) {
    for (const item of value) visit(item, found, depth + 1);
  } else if (types.isMap(value)) {
    for (const item of value.values()) visit(item, found, depth + 1);
  } else if (isPlain(value)) {
    for (const item of Object.values(value)) visit(item, found, depth + 1);
  }
}

/**
 * Runs a function and frees every tensor made in it, except those it returns (alone or inside arrays, maps, sets and
 * plain objects), which move to the surrounding scope. Works across `await` and frees also when the function throws.
 * The result of an operation belongs to the scope in which the operation was called, and is freed at once if it
 * arrives when that has ended.
 *
 * @example
 * const norm = await scope(() => x.mul(x).sum().sqrt().item());
 */
export async function scope<T>(body: () => T | PromiseLike<T>): Promise<T> {
  const outer = openScope();
  const inner = new Scope(outer);
  try {
    const result = await storage.run(inner, async () => await body());
    visit(result, (object) => {
      if (!inner.owned.delete(object)) return false;
      adopt(object, outer);
      return true;
    });
    return result;
  } finally {
    inner.ended = true;
    for (const object of inner.owned) object.dispose();
    inner.owned.clear();
  }
}
