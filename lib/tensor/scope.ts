import { AsyncLocalStorage } from 'node:async_hooks';

/** What a scope can own. */
export interface Disposable {
  dispose(): void;
}

class Scope {
  readonly owned = new Set<Disposable>();
  constructor(readonly outer: Scope | undefined) {}
}

const storage = new AsyncLocalStorage<Scope>();

/** Hands a new object to the scope in which it is made. */
export function adopt(object: Disposable): void {
  storage.getStore()?.owned.add(object);
}

/** Takes an object out of every scope: only `dispose` or the garbage collector frees it then. */
export function release(object: Disposable): void {
  for (let scope = storage.getStore(); scope; scope = scope.outer) scope.owned.delete(object);
}

function visit(value: unknown, found: (object: Disposable) => boolean, depth = 0): void {
  if (typeof value !== 'object' || value === null || depth > 4) return;
  if (found(value as Disposable)) return;
  if (Array.isArray(value) || value instanceof Set) {
    for (const item of value) visit(item, found, depth + 1);
  } else if (value instanceof Map) {
    for (const item of value.values()) visit(item, found, depth + 1);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) visit(item, found, depth + 1);
  }
}

/**
 * Runs a function and frees every tensor made in it, except those it returns (alone or inside arrays, maps, sets and
 * plain objects), which move to the surrounding scope. Works across `await` and frees also when the function throws.
 *
 * @example
 * const norm = await scope(async () => {
 *   const squares = await x.mul(x);
 *   return (await squares.sum()).item();
 * });
 */
export async function scope<T>(body: () => T | Promise<T>): Promise<T> {
  const outer = storage.getStore();
  const inner = new Scope(outer);
  try {
    const result = await storage.run(inner, async () => await body());
    visit(result, (object) => {
      if (!inner.owned.delete(object)) return false;
      outer?.owned.add(object);
      return true;
    });
    return result;
  } finally {
    for (const object of inner.owned) object.dispose();
  }
}
