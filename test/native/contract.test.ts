import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';

import type { DType, TensorHandle } from '../../lib/native/contract';
import { native } from '../../lib/native/load';
import { planAddon } from '../../lib/libtorch/addon/plan';
import { loadArguments } from '../../lib/libtorch/addon/try-addon';
import { binaryText, contractDifferences } from '../support/contract-text';

const contract = readFileSync(path.join(__dirname, '../../lib/native/contract.ts'), 'utf8');

/** What a test of the contract says where a part of it is written otherwise. */
function withChange(from: string, to: string): string[] {
  assert.ok(contract.includes(from), `the contract has ${from}`);
  return contractDifferences(contract.replace(from, to), binaryText(native().signatures()));
}

describe('the addon', () => {
  it('exports exactly what it tells of', () => {
    const { functions } = native().signatures();
    assert.deepEqual(Object.keys(native()).sort(), functions.map(({ name }) => name).sort());
  });

  it('has the functions, parameters, fields and types of the contract', () => {
    assert.deepEqual(contractDifferences(contract, binaryText(native().signatures())), []);
  });

  it('is told apart from a contract that differs in anything', () => {
    const swappedNumbers = withChange('mean: number, deviation: number', 'deviation: number, mean: number');
    assert.equal(swappedNumbers.length, 1);
    assert.match(swappedNumbers[0] ?? '', /^function normalInto: contract \(target: TensorInput, deviation/);

    const swappedTensors = withChange(
      'centres: TensorInput,\n    velocity',
      'velocity: TensorInput,\n    centres',
    );
    assert.match(swappedTensors.join('\n'), /^function marginSoftmaxUpdate: [^\n]*$/);

    const missingField = withChange('  momentum: number;\n  weightDecay', '  weightDecay');
    assert.deepEqual(missingField, [
      'type SgdOptions: contract { lr: number; weightDecay: number; nesterov: boolean }, ' +
        'binary { lr: number; momentum: number; weightDecay: number; nesterov: boolean }',
    ]);

    const otherType = withChange('  peakReserved: number;', '  peakReserved: bigint;');
    assert.match(otherType.join('\n'), /^type MemoryUse: [^\n]*bigint[^\n]*$/);
    const otherResult = withChange('getThreads(): Promise<number>', 'getThreads(): number');
    assert.match(otherResult.join('\n'), /^function getThreads: contract \(\) => number, binary .*Promise/);
    const otherName = withChange("'combined';", "'both';");
    assert.match(otherName.join('\n'), /^type MarginKind: [^\n]*$/);
    const missing = withChange('  detach: Unary;\n', '');
    assert.match(missing.join('\n'), /^function detach: contract has none, binary [^\n]*$/);
    const added = withChange('  detach: Unary;\n', '  detach: Unary;\n  attach: Unary;\n');
    assert.match(added.join('\n'), /^function attach: [^\n]*binary has none$/);
    assert.throws(() => withChange('  paper: boolean;', '  paper?: boolean;'), /is optional/);
  });

  it('takes options with all their fields, no others, and each of its type', async () => {
    const addon = native();
    const options = { lr: 0.1, momentum: 0, weightDecay: 0, nesterov: false };
    await addon.sgdStep([], [], options, null);
    const refuses = (given: unknown, message: RegExp): void =>
      assert.throws(() => void addon.sgdStep([], [], given as never, null), {
        code: 'ERR_ARGUMENT',
        message,
      });
    const { momentum: _, ...rest } = options;
    refuses(rest, /^SgdOptions: The field 'momentum' is missing\.$/);
    refuses({ ...options, momentun: 0 }, /^SgdOptions: Unknown field 'momentun'\.$/);
    refuses({ ...options, lr: '0.1' }, /^SgdOptions\.lr: Expected a number but received a string\.$/);
    refuses(
      { ...options, nesterov: null },
      /^SgdOptions\.nesterov: Expected true or false but received null\.$/,
    );
    for (const [given, kind] of [
      [undefined, 'undefined'],
      [0.1, 'a number'],
      [[0.1, 0, 0, false], 'an array'],
    ] as const) {
      refuses(given, new RegExp(`^SgdOptions: Expected an object but received ${kind}\\.$`));
    }

    const margin = { kind: 'angular', beyondPi: 'extend', angleFactor: 1, cosineMargin: 0 } as const;
    const head = {
      scale: 64,
      margin: { ...margin, kind: 'square' as never },
      filterThreshold: 1,
      precision: 'float32',
      memoryBudget: 1e6,
      sampleRate: 1,
      rows: 'sampled',
      seed: 0,
      classes: { first: 0, count: 1, total: 1 },
      group: null,
    } as const;
    assert.throws(() => addon.marginSoftmax(head), {
      code: 'ERR_ARGUMENT',
      message:
        'MarginSoftmaxOptions.margin: MarginFunction.kind: ' +
        "Unknown MarginKind 'square': expected 'angular', 'cosine', 'combined'.",
    });
  });

  it('takes the pending result of an earlier call in a field, too', async () => {
    const addon = native();
    const full = (value: number, dtype: DType): Promise<TensorHandle> => addon.full([2], value, dtype);
    const rule = { temperature: 0.4, gamma: 0.7, paper: false };
    const [length, kappa] = [full(0.5, 'float64'), full(3, 'float64')];
    const [counts, samplesPerClass] = [full(4, 'int64'), full(5, 'int64')];
    const given = { meanResultantLength: length, kappa, counts, samplesPerClass };
    const scale = await addon.classMarginScale(given, rule, null);
    assert.deepEqual(addon.shape(scale.marginScale), [2]);
    const [meanResultantLength, weights] = await Promise.all([length, samplesPerClass]);
    const failed = addon.reshape(meanResultantLength, [3]);
    const ill = { meanResultantLength, kappa: failed, counts: weights, samplesPerClass: weights };
    await Promise.all(
      [failed, addon.classMarginScale(ill, rule, null)].map((call) =>
        assert.rejects(call, { code: 'ERR_SHAPE' }),
      ),
    );
  });

  it('refuses handles that are not its own, without crashing', async () => {
    const addon = native();
    for (const bad of [{}, null, undefined, 1, 'x', [], addon]) {
      assert.throws(() => addon.shape(bad as never), { code: 'ERR_ARGUMENT' });
    }
    const network = addon.iresnet({
      blocks: [1, 1, 1, 1],
      widthMultiplier: 0.0625,
      embeddingSize: 8,
      dropout: 0,
      precision: 'float32',
      imageSize: 16,
      device: 'cpu',
    });
    assert.throws(() => addon.shape(network as never), { code: 'ERR_ARGUMENT' });
    const tensor = addon.allocate([1], 'float32', 'cpu');
    assert.throws(() => addon.networkParameters(tensor as never), { code: 'ERR_ARGUMENT' });
    addon.disposeNetwork(network);
    assert.throws(() => addon.networkParameters(network), { code: 'ERR_DISPOSED' });
    await addon.synchronize();
  });

  it('loads in worker threads, and a worker may end in the middle of its work', async () => {
    const [choice] = planAddon().choices;
    assert.ok(choice);
    const script = `
      const { workerData, parentPort } = require('node:worker_threads');
      const [pixels, library, file] = workerData;
      require(pixels).openLibrary(library);
      const addon = require(file);
      addon.initialize(Error, false, null, false);
      (async () => {
        const a = await addon.full([64, 64], 2, 'float32');
        const b = await addon.matmul(a, a);
        parentPort.postMessage(await addon.item(await addon.amax(b, null, false)));
        for (let i = 0; i < 500; i++) void addon.matmul(addon.matmul(a, a), a);
        process.exit(0);
      })();
    `;
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(script, { eval: true, workerData: loadArguments(choice) });
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      const value = await new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      assert.equal(value, 256);
      await ended;
    }
    assert.equal((await native().getThreads()) > 0, true);
  });
});
