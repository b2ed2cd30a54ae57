/**
 * Gives numbers to people of whom only is known which things belong to one of them: things that are tied, directly or over
 * others, are one person's.
 *
 * @param things how many there are
 * @param ties pairs of things of one person
 * @returns [things] the person of each, from 0 on in the order of their first things, and how many there are
 */
export function tiedPeople(
  things: number,
  ties: Iterable<readonly [number, number]>,
): { people: Int32Array; count: number } {
  const parents = Int32Array.from({ length: things }, (_, thing) => thing);
  const rootOf = (thing: number): number => {
    let root = thing;
    while (parents[root] !== root) {
      // Half of the way is cut off each time.
      parents[root] = parents[parents[root]!]!;
      root = parents[root]!;
    }
    return root;
  };
  for (const [a, b] of ties) {
    const [first, second] = [rootOf(a), rootOf(b)];
    parents[Math.max(first, second)] = Math.min(first, second);
  }
  const people = new Int32Array(things);
  let count = 0;
  // A root is the first of its things.
  for (let thing = 0; thing < things; thing++) {
    const root = rootOf(thing);
    people[thing] = root === thing ? count++ : people[root]!;
  }
  return { people, count };
}
