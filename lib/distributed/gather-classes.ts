import { scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';
import { classRange } from './class-range';
import type { RankGroup } from './rank-group';

/** Puts numbers of the classes of each rank together: those of all classes, on every rank. */
export function gatherClasses(own: Tensor, numClasses: number, group: RankGroup): Promise<number[]> {
  return scope(async () => {
    const { worldSize } = group;
    // All give as many: the first rank has the most classes.
    const most = classRange(numClasses, 0, worldSize).count;
    const padded = Tensor.empty([most], { dtype: own.dtype });
    await padded.fill(0);
    await padded.slice(0, 0, own.size).copyFrom(own);
    const all = await (await group.allGather(padded)).toArray();
    return Array.from({ length: worldSize }, (_, rank) =>
      all.slice(rank * most, rank * most + classRange(numClasses, rank, worldSize).count),
    ).flat();
  });
}
