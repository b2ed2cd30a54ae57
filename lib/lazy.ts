/**
 * An asynchronous function whose module is loaded at its first call: who never calls it never pays for it.
 *
 * @param load imports the module and gives the function
 */
export function lazyFunction<Arguments extends unknown[], Result>(
  load: () => Promise<(...args: Arguments) => Result | Promise<Result>>,
): (...args: Arguments) => Promise<Result> {
  return async (...args) => (await load())(...args);
}
