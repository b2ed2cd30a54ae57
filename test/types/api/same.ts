/** Whether two types are one and the same; `any` is the same as nothing else. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** A claim about types, which the compiler checks: `holds<Same<A, B>>()`. */
export declare function holds<Claim extends true>(): Claim;
