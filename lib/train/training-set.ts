import { access } from 'node:fs/promises';
import path from 'node:path';

import { readEnvironment } from '../config/env';
import type { ResolvedConfig } from '../config/schema';
import { ensureSynthSet } from '../data/synth';
import type { SynthOptions } from '../data/synth';
import { KappaError } from '../errors';

/**
 * The folder of the set that a config trains on; draws the embedded synthetic set where that is asked for.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND` with the layout that is expected and where to get the set
 */
export async function findTrainingSet(config: ResolvedConfig, say: (text: string) => void): Promise<string> {
  const { root, synthetic, source } = config.data;
  if (root !== null) {
    const found = await access(path.join(root, 'train.rec')).then(
      () => true,
      () => false,
    );
    if (found) return root;
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      [
        `The data set of config '${config.name}' was not found: ${path.resolve(root, 'train.rec')} does not exist.`,
        'Expected layout: train.rec, train.idx and property in one folder, verification sets (lfw.bin, ...) beside them.',
        ...(source ? [source] : []),
        `Point to it with --set data.root=FOLDER.`,
      ].join('\n'),
    );
  }
  let tenths = -1;
  return ensureSynthSet(
    path.join(readEnvironment().cache, 'synth'),
    (synthetic ?? {}) as Partial<SynthOptions>,
    {
      onProgress: ({ images, totalImages }) => {
        const reached = Math.floor((images / totalImages) * 10);
        if (tenths < 0) say(`Drawing the synthetic face set (${totalImages} images, only this once) ...`);
        else if (reached > tenths) say(`  ${reached * 10}%`);
        tenths = reached;
      },
    },
  );
}
