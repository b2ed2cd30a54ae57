import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { evaluateMegaface, readMegafaceProbes, readNpy, setThreads, shuffleDistractors } from '../../../lib';
import { featuresInMemory } from '../../../lib/io/feature-rows';

/** What MegaFace took, of ours and of the peer. */
export interface MegafaceFigures {
  seconds: number;
  cpuSeconds: number;
  /** Probes whose best distractor is farther than the first other photo of the person. */
  rank1: number;
  /** Exact numbers that both kinds of products have to agree in, digit by digit. */
  digest?: string;
  peakBytes: number;
}

/** MegaFace from features in memory: every number that the protocol asks for. @param products of the scores */
export async function measureMegaface(
  folder: string,
  products: 'float32' | 'bfloat16',
  threads: number,
): Promise<MegafaceFigures> {
  await setThreads(threads);
  const probes = await readMegafaceProbes(path.join(folder, 'facescrub_lst'));
  const names = (await readFile(path.join(folder, 'megaface_lst'), 'utf8')).trimEnd().split('\n');
  const distractors = await shuffleDistractors(names);
  const rows = async (name: string) => {
    const { data, rows: count } = await readNpy(path.join(folder, name));
    return featuresInMemory(data, count);
  };
  const data = {
    probes,
    distractors,
    probeFeatures: await rows('facescrub.npy'),
    distractorFeatures: await rows('megaface.npy'),
  };
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  const { sizes, pairs } = await evaluateMegaface(data, { products });
  const seconds = (performance.now() - started) / 1000;
  const used = process.cpuUsage(cpu);
  const largest = sizes.at(-1)!;
  // The pair of each probe with the first other photo of its person.
  const first = new Map<number, number>();
  for (const [pair, probe] of pairs.probe.entries()) if (!first.has(probe)) first.set(probe, pair);
  const hits = [...first.values()].filter((pair) => largest.above[pair] === 0).length;
  const sum = (values: Int32Array): number => values.reduce((total, value) => total + value, 0);
  return {
    seconds,
    cpuSeconds: (used.user + used.system) / 1e6,
    rank1: hits / first.size,
    digest: JSON.stringify(
      sizes.map(({ ranks, points, customaryTar, above }) => [ranks, points, customaryTar, sum(above)]),
    ),
    peakBytes: process.resourceUsage().maxRSS * 1024,
  };
}
