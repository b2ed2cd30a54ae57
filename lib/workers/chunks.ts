/** Cuts a sequence into tasks of some items each, drawing items only when a task is asked for. */
export function* chunks<Item, Task>(
  items: Iterable<Item>,
  size: number,
  task: (items: Item[]) => Task,
): Generator<Task, void, undefined> {
  let chunk: Item[] = [];
  for (const item of items) {
    chunk.push(item);
    if (chunk.length === size) {
      yield task(chunk);
      chunk = [];
    }
  }
  if (chunk.length > 0) yield task(chunk);
}
