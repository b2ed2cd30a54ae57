// One measurement in a process of its own: case.ts ijb FOLDER | folds | fold-data FILE | megaface FOLDER PRODUCTS THREADS
import { writeFileSync } from 'node:fs';

import { foldEmbeddings, measureFolds } from './cases/folds';
import { measureIjb } from './cases/ijb';
import { measureMegaface } from './cases/megaface';

async function measure([name, place = '', products, threads]: string[]): Promise<unknown> {
  if (name === 'ijb') return measureIjb(place);
  if (name === 'folds') return measureFolds();
  if (name === 'fold-data') {
    const { embeddings, isSame } = foldEmbeddings();
    writeFileSync(`${place}.f32`, embeddings);
    writeFileSync(`${place}.u8`, isSame);
    return {};
  }
  return measureMegaface(place, products === 'bfloat16' ? 'bfloat16' : 'float32', Number(threads));
}

void measure(process.argv.slice(2)).then((figures) => console.log(JSON.stringify(figures)));
