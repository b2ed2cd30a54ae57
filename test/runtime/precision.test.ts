import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { ArcFaceHead, IResNet } from '../../lib';
import { choosePrecision } from '../../lib/runtime/precision';
import { runScript } from '../support/run-kappa';

const tiny = { depth: 18, widthMultiplier: 0.0625, embeddingSize: 8, imageSize: 16 } as const;

/** What this processor has, by the system; undefined where the system does not tell. */
function flags(): Set<string> | undefined {
  try {
    const line = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
    return line === undefined ? undefined : new Set(line.trim().split(' '));
  } catch {
    return undefined;
  }
}

/** What `auto` comes to in a process of its own. */
function chosen(env: Record<string, string>): unknown {
  const { code, stdout, stderr } = runScript(
    `const { IResNet, ArcFaceHead } = require(${JSON.stringify(require.resolve('../../lib'))});
     const backbone = new IResNet(${JSON.stringify(tiny)});
     const head = new ArcFaceHead({ numClasses: 3, embeddingSize: 8 });
     process.stdout.write(JSON.stringify([backbone.options.precision, head.precision]));`,
    env,
  );
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

describe('the precision auto', () => {
  it('is bfloat16 where the processor has instructions for it, else float32', function () {
    const found = flags();
    if (found === undefined || process.arch !== 'x64') this.skip();
    if (process.env.KAPPA_CPU_ISA !== undefined) this.skip();
    assert.equal(choosePrecision('auto'), found.has('avx512_bf16') ? 'bfloat16' : 'float32');
  });

  it('is the default of backbone and head, which say what it came to', () => {
    const backbone = new IResNet(tiny);
    const head = new ArcFaceHead({ numClasses: 3, embeddingSize: 8 });
    assert.equal(backbone.options.precision, choosePrecision('auto'));
    assert.equal(head.precision, choosePrecision('auto'));
    assert.equal(backbone.like().options.embeddingSize, 8);
    head.dispose();
    backbone.dispose();
  });

  it('is float32 for a head in float64, and nothing else changes', () => {
    assert.equal(new ArcFaceHead({ numClasses: 3, embeddingSize: 8, dtype: 'float64' }).precision, 'float32');
    for (const precision of ['float32', 'bfloat16', 'float16'] as const)
      assert.equal(choosePrecision(precision), precision);
  });

  it('is float32 on lesser processors, by our variable and by that of oneDNN', function () {
    if (process.arch !== 'x64') this.skip();
    for (const isa of ['baseline', 'avx2', 'avx512'])
      assert.deepEqual(chosen({ KAPPA_CPU_ISA: isa }), ['float32', 'float32'], isa);
    assert.deepEqual(chosen({ ONEDNN_MAX_CPU_ISA: 'avx2' }), ['float32', 'float32']);
  });

  it('is no excuse for a name that does not exist', () => {
    const { code, stderr } = runScript(
      `require(${JSON.stringify(require.resolve('../../lib'))}).liveTensors();`,
      { KAPPA_CPU_ISA: 'avx3' },
    );
    assert.notEqual(code, 0);
    assert.match(stderr, /avx2, avx512 or avx512_bf16 for the environment variable KAPPA_CPU_ISA .* 'avx3'/);
  });
});
