import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { Trainer } from '../../lib';
import { choosePrecision } from '../../lib/runtime/precision';
import { temporaryFolder } from '../support/folder';
import { runScript } from '../support/run-kappa';
import { tinyConfig, tinyFaces } from '../support/tiny-run';

const backbone = { depth: 18, widthMultiplier: 0.0625, embeddingSize: 16 } as const;

function savedPrecisions(run: string): string[] {
  const saved = JSON.parse(readFileSync(path.join(run, 'config.json'), 'utf8')) as Record<
    'backbone' | 'head',
    { precision: string }
  >;
  return [saved.backbone.precision, saved.head.precision];
}

describe('a run whose precision is left to the machine', () => {
  const output = temporaryFolder();

  it('says and keeps what was decided, float32 where bfloat16 is emulated', async function () {
    if (process.arch !== 'x64') this.skip();
    const config = tinyConfig(await tinyFaces(temporaryFolder()), output, { backbone, train: { epochs: 1 } });
    const { code, stdout, stderr } = runScript(
      `const { Trainer } = require(${JSON.stringify(require.resolve('../../lib'))});
       const messages = [];
       new Trainer(${JSON.stringify(config)}, { onMessage: (text) => messages.push(text) })
         .run()
         .then(() => process.stdout.write(JSON.stringify(messages)));`,
      { KAPPA_CPU_ISA: 'avx2' },
    );
    assert.equal(code, 0, stderr);
    const messages = JSON.parse(stdout) as string[];
    assert.ok(
      messages.some((text) =>
        /^Precision: backbone float32, head float32 \(this processor has no units for bfloat16/.test(text),
      ),
      stdout,
    );
    assert.deepEqual(savedPrecisions(path.join(output, 'tiny')), ['float32', 'float32']);

    // Whatever this processor does: the run goes on as it began.
    const messagesHere: string[] = [];
    const longer = { ...config, train: { ...config.train, epochs: 2 } };
    await new Trainer(longer, { resume: true, onMessage: (text) => messagesHere.push(text) }).run();
    assert.ok(
      messagesHere.some((text) => text.startsWith('Precision: backbone float32, head float32')),
      messagesHere.join('\n'),
    );
    assert.deepEqual(savedPrecisions(path.join(output, 'tiny')), ['float32', 'float32']);
  });

  it('keeps a precision that is given, and warns of one that is emulated', async () => {
    const root = await tinyFaces(temporaryFolder());
    const messages: string[] = [];
    const folder = temporaryFolder();
    const config = tinyConfig(root, folder, {
      backbone: { ...backbone, precision: 'bfloat16' },
      head: { precision: 'float32' },
      train: { epochs: 1 },
    });
    await new Trainer(config, { onMessage: (text) => messages.push(text) }).run();
    assert.deepEqual(savedPrecisions(path.join(folder, 'tiny')), ['bfloat16', 'float32']);
    const emulated = choosePrecision('auto') === 'float32';
    assert.equal(
      messages.some((text) => text.includes('emulates')),
      emulated,
    );
    assert.ok(!messages.some((text) => text.startsWith('Precision:')));
  });
});
