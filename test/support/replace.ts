/** Runs a function while a method or export is another one: for errors that nothing else brings about. */
export async function replaced<T extends object, K extends keyof T, R>(
  owner: T,
  name: K,
  stand: T[K],
  body: () => Promise<R>,
): Promise<R> {
  const original = owner[name];
  owner[name] = stand;
  try {
    return await body();
  } finally {
    owner[name] = original;
  }
}
