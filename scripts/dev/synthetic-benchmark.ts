// Writes a benchmark of synthetic people in the exact form of the real one, at its size or smaller:
//   node -r ts-node/register/transpile-only scripts/dev/synthetic-benchmark.ts megaface OUT --distractors 1000000
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { writeSyntheticIjb } from './synthetic/ijb';
import { writeSyntheticMegaface } from './synthetic/megaface';
import { writeSyntheticBin, writeSyntheticLfw, writeSyntheticYtf } from './synthetic/pairs';

const USAGE = `Usage: synthetic-benchmark.ts SET OUT [options]
  megaface   --distractors N --sizes 10,100,... --form files|npy --ending _synthetic.bin --dimension D
  ijbb ijbc  --scale 1 --dimension D
  lfw ytf    --folds 10 --per-fold 300 (ytf: 250)
  bin        the same; OUT is the file
all: --seed N`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      distractors: { type: 'string', default: '1000000' },
      sizes: { type: 'string', default: '10,100,1000,10000,100000,1000000' },
      form: { type: 'string', default: 'npy' },
      ending: { type: 'string', default: '_synthetic.bin' },
      dimension: { type: 'string', default: '512' },
      scale: { type: 'string', default: '1' },
      folds: { type: 'string', default: '10' },
      'per-fold': { type: 'string' },
      seed: { type: 'string', default: '0' },
    },
  });
  const [set = '', out] = positionals;
  const [seed, dimension, distractors] = [values.seed, values.dimension, values.distractors].map(Number) as [
    number,
    number,
    number,
  ];
  const form = values.form === 'files' ? 'files' : 'npy';
  const sizes = values.sizes.split(',').map(Number);
  const perFold = Number(values['per-fold'] ?? (set === 'ytf' ? 250 : 300));
  const pairs = { folds: Number(values.folds), perFold, seed };
  const writers: Record<string, (out: string) => Promise<void>> = {
    megaface: (out) =>
      writeSyntheticMegaface(out, {
        ...{ distractors, dimension, seed, form, ending: values.ending },
        sizes: sizes.filter((size) => size <= distractors),
      }),
    ijbb: (out) => writeSyntheticIjb(out, { name: 'ijbb', scale: Number(values.scale), dimension, seed }),
    ijbc: (out) => writeSyntheticIjb(out, { name: 'ijbc', scale: Number(values.scale), dimension, seed }),
    lfw: (out) => writeSyntheticLfw(out, pairs),
    ytf: (out) => writeSyntheticYtf(out, pairs),
    bin: (out) => writeSyntheticBin(out, pairs),
  };
  const write = writers[set];
  if (!write || out === undefined || positionals.length !== 2) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  mkdirSync(set === 'bin' ? path.dirname(out) : out, { recursive: true });
  await write(out);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
