/** The classes of one rank: a stretch of all of them. */
export interface ClassRange {
  /** The first of them. */
  readonly first: number;
  readonly count: number;
}

/** Every rank has floor(numClasses / worldSize) classes, the first numClasses % worldSize ranks one more. */
export function classRange(numClasses: number, rank: number, worldSize: number): ClassRange {
  const [each, more] = [Math.floor(numClasses / worldSize), numClasses % worldSize];
  return { first: each * rank + Math.min(rank, more), count: each + (rank < more ? 1 : 0) };
}

/** The range of one rank that has all classes. */
export function allClasses(numClasses: number): ClassRange {
  return { first: 0, count: numClasses };
}
