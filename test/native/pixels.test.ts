import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import ts from 'typescript';
import { pixelsPlaces } from '../../lib/libtorch/addon/plan';
import { runChild } from '../../lib/libtorch/process';
import { pixelsAddon, type PixelsAddon } from '../../lib/native/pixels';
import { patternedImage } from '../support/augment-cases';

function contractNames(): string[] {
  const file = path.join(__dirname, '../../lib/native/pixels.ts');
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const contract = source.statements.find(
    (node): node is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(node) && node.name.text === 'PixelsAddon',
  );
  assert.ok(contract);
  return contract.members.map((member) => member.name?.getText(source) ?? '');
}

const pixelsFile = () => {
  pixelsAddon();
  const found = pixelsPlaces().find((candidate) => require.cache[candidate] !== undefined);
  assert.ok(found);
  return found;
};

describe('the addon for pixels', () => {
  it('exports exactly what the contract says', () => {
    assert.deepEqual(Object.keys(pixelsAddon()).sort(), contractNames().sort());
  });

  it('knows the loops of this processor, and refuses others', () => {
    const addon = pixelsAddon();
    const sets = addon.instructionSets();
    assert.equal(sets[0], 'portable');
    assert.ok(sets.includes(addon.instructionSet()));
    if (process.arch === 'x64' && process.platform === 'linux') {
      const has = (flag: string) =>
        new RegExp(`^flags.* ${flag}( |$)`, 'm').test(readFileSync('/proc/cpuinfo', 'utf8'));
      assert.equal(sets.includes('avx2'), has('avx2'));
      assert.equal(sets.includes('avx512'), has('avx512bw') && has('avx512vl') && has('avx512dq'));
    }
    const before = addon.instructionSet();
    assert.throws(
      () => addon.useInstructionSet('avx1024'),
      /the name of an instruction set that this processor has/,
    );
    assert.equal(addon.instructionSet(), before);
  });

  it('takes the loops of the processor that KAPPA_CPU_ISA names, and the fastest where it names none', async () => {
    const used = async (isa: string) => {
      const { stdout, stderr } = await runChild(
        process.execPath,
        ['-p', 'require(process.argv[1]).instructionSet()', pixelsFile()],
        { env: { ...process.env, KAPPA_CPU_ISA: isa } },
      );
      assert.equal(stderr, '');
      return stdout.trim();
    };
    const sets = pixelsAddon().instructionSets();
    const levels = { baseline: 'portable', avx2: 'avx2', avx512: 'avx512', avx512_bf16: 'avx512' };
    for (const [level, set] of Object.entries(levels))
      if (sets.includes(set)) assert.equal(await used(level), set);
    for (const other of ['', 'avx1024']) assert.equal(await used(other), sets.at(-1));
  });

  it('refuses arguments that cannot be, and touches nothing then', () => {
    const addon = pixelsAddon();
    const { pixels } = patternedImage(4, 5);
    const before = pixels.slice();
    const loose = addon as unknown as Record<keyof PixelsAddon, (...values: unknown[]) => void>;
    const weights = Float64Array.of(0.2, 0.6, 0.2);
    const image = [pixels, 4, 5];
    const bad: [keyof PixelsAddon, unknown[]][] = [
      ['brightness', []],
      ['brightness', [undefined, 4, 5, 1]],
      ['brightness', [Array.from(pixels), 4, 5, 1]],
      ['brightness', [new Float32Array(60), 4, 5, 1]],
      ['brightness', [pixels.buffer, 4, 5, 1]],
      ['brightness', [pixels.subarray(1), 4, 5, 1]],
      ['brightness', [pixels, 5, 5, 1]],
      ['brightness', [pixels, -4, -5, 1]],
      ['brightness', [pixels, 4.5, 5, 1]],
      ['brightness', [new Uint8Array(0), 0, 5, 1]],
      ['brightness', [pixels, 2 ** 31, 2 ** 31, 1]],
      ['contrast', [...image, NaN]],
      ['contrast', [...image, Infinity]],
      ['saturation', [...image, '1']],
      ['crop', [...image, 5, 0, 1, 1]],
      ['crop', [...image, 1, 0, 5, 1]],
      ['crop', [...image, 0, 3, 1, 2]],
      ['crop', [...image, 0, 0, 0, 1]],
      ['resize', [...image, new Uint8Array(11), 2, 2, 1]],
      ['resize', [...image, new Uint8Array(12), 2, 2, 4]],
      ['resize', [...image, pixels.subarray(0, 12), 2, 2, 1]],
      ['lowResolution', [...image, 0, 1, 1, 1]],
      ['lowResolution', [...image, 2 ** 20, 1, 1, 1]],
      ['lowResolution', [...image, 2, 2, -1, 1]],
      ['blur', [...image, new Float64Array(2)]],
      ['blur', [...image, new Float64Array(0)]],
      ['blur', [...image, new Float64Array(2 ** 13 + 1)]],
      ['blur', [...image, new Float32Array(3)]],
      ['convolve', [...image, 1, weights, Uint32Array.of(0, 1, 9)]],
      ['convolve', [...image, 1, weights, Uint32Array.of(0, 1)]],
      ['convolve', [...image, 129, weights, Uint32Array.of(0, 1, 2)]],
    ];
    for (const [name, values] of bad) {
      assert.throws(
        () => loose[name](...values),
        /^TypeError: Argument \d+ of a function of pixels: expected /,
        name,
      );
      assert.deepEqual(pixels, before, name);
    }
  });

  it('works on memory that threads share, in many threads at once', async () => {
    const script = `
      const { workerData: { file, memory }, parentPort } = require('node:worker_threads');
      const addon = require(file);
      const pixels = new Uint8Array(memory);
      addon.brightness(pixels, 4, 5, 0.5);
      parentPort.postMessage('done');
    `;
    const images = Array.from({ length: 8 }, () => {
      const memory = new SharedArrayBuffer(60);
      new Uint8Array(memory).set(patternedImage(4, 5).pixels);
      return memory;
    });
    const file = pixelsFile();
    await Promise.all(
      images.map((memory) => {
        const worker = new Worker(script, { eval: true, workerData: { file, memory } });
        return new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
      }),
    );
    const { pixels } = patternedImage(4, 5);
    pixelsAddon().brightness(pixels, 4, 5, 0.5);
    for (const memory of images) assert.deepEqual(new Uint8Array(memory), pixels);
  });

  it('needs no LibTorch', async function () {
    if (process.platform !== 'linux') return this.skip();
    const script = `require(process.argv[1]); console.log(require('node:fs').readFileSync('/proc/self/maps', 'utf8'))`;
    const { stdout } = await runChild(process.execPath, ['-e', script, pixelsFile()]);
    assert.match(stdout, /kappaface-pixels\.node/);
    assert.doesNotMatch(stdout, /libtorch|libc10/);
  });
});
