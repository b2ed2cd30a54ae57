import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import sharp from 'sharp';

import * as kappaface from '../../lib';
import { freePort } from '../../lib/distributed/launcher/addresses';
import { blocksOf, runBlock } from '../support/doc-blocks';
import { jpeg } from '../support/faces';
import { temporaryFolder } from '../support/folder';
import { tinyConfig, tinyFaces } from '../support/tiny-run';

type Scope = Record<string, unknown>;

/** Runs the blocks of a page one after another: each sees what those before it declared. */
async function runPage(
  page: string,
  scope: Scope,
  instead: Record<string, string> = {},
): Promise<{ scope: Scope; printed: unknown[][] }> {
  const printed: unknown[][] = [];
  const print = (...values: unknown[]): void => void printed.push(values);
  const all: Scope = { console: { log: print, error: print }, readFile, ...kappaface, ...scope };
  const modules = { kappaface, sharp };
  for (const block of blocksOf(page))
    try {
      Object.assign(all, await runBlock(block, { scope: all, instead, modules }));
    } catch (error) {
      throw new Error(`${block.place}: ${(error as Error).message}`, { cause: error });
    }
  return { scope: all, printed };
}

/** Embeddings, labels and places of samples as a step has them: three classes, two samples of each. */
async function step(dimension: number): Promise<Scope> {
  const values = Float32Array.from({ length: 6 * dimension }, (_, i) => Math.sin(i * i));
  return {
    embeddings: await kappaface.Tensor.from(values, [6, dimension]),
    labels: await kappaface.Tensor.from(BigInt64Array.of(0n, 0n, 1n, 1n, 2n, 2n)),
    sampleIndex: await kappaface.Tensor.from(BigInt64Array.of(0n, 1n, 2n, 3n, 4n, 5n)),
    samplesPerClass: [2, 2, 2],
  };
}

describe('code in the documentation, run', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();
  const at = (name: string): string => path.join(folder, name);
  let faces: string;

  before(async () => {
    faces = await tinyFaces(at('cache'));
  });

  it('of the pages on configs gives configs', async () => {
    for (const page of ['docs/guide/data-sets.md', 'docs/guide/training.md', 'docs/reference/config.md']) {
      const block = blocksOf(page).find(({ code }) => code.includes('export default'));
      assert.ok(block, page);
      const { default: config } = await runBlock(block, { scope: {}, instead: {}, modules: { kappaface } });
      const { data } = kappaface.resolveConfig(config as kappaface.Config);
      assert.match(JSON.stringify(data), /"\/data\//, block.place);
    }
  });

  it('of the page on data reads batches', async () => {
    for (const [person, count] of [
      ['ann', 40],
      ['bob', 40],
    ] as const) {
      mkdirSync(at(`people/${person}`), { recursive: true });
      for (let i = 0; i < count; i++) writeFileSync(at(`people/${person}/${i}.jpg`), jpeg(i));
    }
    const { printed } = await runPage('docs/guide/data-sets.md', {}, { '/data/people': at('people') });
    assert.deepEqual(printed[0], [80, 2, 'ann']);
    assert.equal(printed.length, 2, 'the last batch is not whole, and left out');
    assert.equal(printed[1]?.[1], 64 * 112 * 112 * 3);
  });

  it('of the page on the algorithm makes a step', async () => {
    const { scope } = await runPage('docs/guide/kappaface.md', await step(512));
    assert.ok((await (scope['loss'] as kappaface.Tensor).item()) > 0);
  });

  it('of the page on several ranks makes a step', async () => {
    const images = await kappaface.Tensor.from(
      Float32Array.from({ length: 6 * 3 * 112 * 112 }, (_, i) => Math.sin(i)),
      [6, 3, 112, 112],
    );
    const { scope } = await runPage(
      'docs/guide/distributed.md',
      { ...(await step(512)), images, rank: 0, worldSize: 1 },
      { '10.0.0.1': '127.0.0.1', 29500: String(await freePort()) },
    );
    assert.ok((await (scope['loss'] as kappaface.Tensor).item()) > 0);
  });

  it('of the page on training runs, and what the page on models does with the run', async () => {
    const config = tinyConfig(faces, at('runs'), { name: 'base' });
    writeFileSync(at('base.json'), JSON.stringify(config));
    const { scope, printed } = await runPage(
      'docs/guide/training.md',
      {},
      { 'configs/base': at('base.json') },
    );
    assert.equal(scope['folder'], at('runs/base'));
    assert.ok(printed.length > 3);

    const photo = await sharp(Buffer.alloc(200 * 300 * 3, 90), {
      raw: { width: 200, height: 300, channels: 3 },
    })
      .jpeg()
      .toBuffer();
    for (const [name, bytes] of Object.entries({ 'a.jpg': jpeg(1), 'b.jpg': jpeg(2), 'photo.jpg': photo }))
      writeFileSync(at(name), bytes);
    const names = ['runs/base', 'a.jpg', 'b.jpg', 'photo.jpg'];
    const { scope: model } = await runPage(
      'docs/guide/using-a-model.md',
      {
        a: [1, 0],
        b: [1, 0],
        points: [
          [70, 110],
          [130, 110],
          [100, 140],
          [75, 180],
          [125, 180],
        ],
      },
      Object.fromEntries(names.map((name) => [`'${name}`, `'${at(name)}`])),
    );
    assert.equal((model['first'] as Float32Array).length, config.backbone.embeddingSize);
    assert.equal((model['embedding'] as Float32Array).length, config.backbone.embeddingSize);
    assert.equal(model['isOnePerson'], (model['threshold'] as number) > 0);
  });

  it('of the page on errors meets one', async () => {
    const { printed } = await runPage('docs/reference/errors.md', {});
    assert.match(
      String(printed[0]?.[0]),
      /^runs\/none is no checkpoint: it does not exist\. Give the folder/,
    );
  });
});
