import assert from 'node:assert/strict';
import { MessageChannel } from 'node:worker_threads';
import { runInNewContext } from 'node:vm';

import { ArcFaceHead, Tensor, scope } from '../../lib';
import type { DType } from '../../lib';
import { rejects } from '../support/assert';

const read = async (data: unknown, dtype?: DType): Promise<number[]> =>
  (await Tensor.from(data as number[], undefined, dtype ? { dtype } : {})).toArray();

/** Takes the memory of an array away, and lets others have it. */
function takeAway(buffer: ArrayBuffer): void {
  structuredClone(buffer, { transfer: [buffer] });
  for (let i = 0; i < 4; i++) new Uint8Array(buffer.byteLength || 1 << 20).fill(0xee);
}

describe('data of tensors', () => {
  const MANY = 1 << 18;

  it('is read at the call: it may be transferred, changed or resized right after it', async () => {
    const busy = Tensor.randn([700, 700]).matmul(Tensor.randn([700, 700])); // what was queued before takes a while
    const ways: [string, (array: Float32Array<ArrayBuffer>) => void][] = [
      ['structuredClone', (array) => takeAway(array.buffer)],
      [
        'postMessage',
        (array) => {
          const { port1, port2 } = new MessageChannel();
          port1.postMessage(array, [array.buffer]);
          port1.close();
          port2.close();
        },
      ],
      ['change', (array) => array.fill(-1)],
    ];
    for (const [what, takeIt] of ways) {
      for (const options of [{}, { copy: false }]) {
        const array = new Float32Array(MANY).map((_, i) => i);
        const pending = Tensor.from(array, [MANY], options);
        takeIt(array);
        const values = (await (await pending).toTypedArray()) as Float32Array;
        assert.ok(
          values.every((value, i) => value === i),
          what,
        );
      }
    }
    await busy;
  });

  it('is read at the call also from shared memory, unless the tensor shall be on it', async () => {
    const array = new Int32Array(new SharedArrayBuffer(8)).fill(3);
    const copied = Tensor.from(array);
    const shared = Tensor.from(array, [2], { copy: false });
    array.fill(4);
    assert.deepEqual(await (await copied).toArray(), [3, 3]);
    assert.deepEqual(await (await shared).toArray(), [4, 4]);
  });

  it('of images and flips is read at the call', async () => {
    const size = { batch: 2, height: 16, width: 16 };
    const make = (buffer: ArrayBuffer | SharedArrayBuffer): Uint8Array =>
      new Uint8Array(buffer).map((_, i) => i % 251);
    const expected = await Tensor.fromImages(make(new ArrayBuffer(1536)), size, Uint8Array.of(0, 1));
    const pixels = make(new ArrayBuffer(1536));
    const flips = Uint8Array.of(0, 1);
    const pending = Tensor.fromImages(pixels, size, flips);
    takeAway(pixels.buffer as ArrayBuffer);
    takeAway(flips.buffer);
    assert.deepEqual(await (await pending).toArray(), await expected.toArray());
  });

  it('has the length that a resizable buffer has at the call', async () => {
    const resizable = (length: number): ArrayBuffer =>
      new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(length, {
        maxByteLength: 64,
      });
    const resize = (buffer: ArrayBuffer, length: number): void =>
      (buffer as unknown as { resize(bytes: number): void }).resize(length);
    const buffer = resizable(16);
    const tracking = new Float32Array(buffer).fill(2);
    const fixed = new Float32Array(buffer, 8, 2);
    const pending = Tensor.from(tracking);
    const pendingFixed = Tensor.from(fixed, [2], { copy: false });
    resize(buffer, 4);
    assert.deepEqual(await (await pending).toArray(), [2, 2, 2, 2]);
    assert.deepEqual(await (await pendingFixed).toArray(), [2, 2]);
    assert.deepEqual(await read(tracking), [2]);
    assert.deepEqual(await read(fixed), [], 'out of bounds');
    await rejects(Tensor.from(fixed, [2]), 'ERR_SHAPE', /2 elements but the array has 0/);
    resize(buffer, 64);
    assert.equal((await read(tracking)).length, 16);
    await rejects(
      Tensor.fromImages(new Uint8Array(resizable(0)), { batch: 1, height: 1, width: 1 }),
      'ERR_SHAPE',
    );
  });

  it('is taken from TypedArrays of every kind and realm', async () => {
    const kinds: [string, DType][] = [
      ['Float32Array', 'float32'],
      ['Float64Array', 'float64'],
      ['Int32Array', 'int32'],
      ['Int16Array', 'int32'],
      ['Int8Array', 'int32'],
      ['Uint32Array', 'int64'],
      ['Uint8Array', 'uint8'],
      ['Uint8ClampedArray', 'uint8'],
    ];
    for (const [kind, dtype] of kinds) {
      for (const array of [
        new (globalThis as unknown as Record<string, new (values: number[]) => Uint8Array>)[kind]!([1, 2]),
        runInNewContext(`new ${kind}([1, 2])`) as Uint8Array,
      ]) {
        const tensor = await Tensor.from(array);
        assert.equal(tensor.dtype, dtype, kind);
        assert.deepEqual(await tensor.toArray(), [1, 2], kind);
        assert.deepEqual(await read(array, 'float16'), [1, 2], kind);
        assert.deepEqual(await read(array, 'int64'), [1, 2], kind);
      }
    }
    assert.deepEqual(await read(BigInt64Array.of(-5n)), [-5]);
    assert.deepEqual(await read(BigUint64Array.of(5n)), [5]);
    assert.deepEqual(await read(Buffer.from([7])), [7]);
    assert.deepEqual(await read(runInNewContext('[[1, 2], [3, 4]]')), [1, 2, 3, 4]);
    assert.deepEqual(await read(Uint16Array.of(0x3f80), 'bfloat16'), [1], 'bits');
    assert.deepEqual(await read(Uint16Array.of(40000), 'int32'), [40000], 'numbers');
    const pixels = runInNewContext('new Uint8Array(12)') as Uint8Array;
    assert.deepEqual(
      (await Tensor.fromImages(pixels, { batch: 1, height: 2, width: 2 })).shape,
      [1, 3, 2, 2],
    );
  });
});

describe('what an element type cannot hold', () => {
  const refused: [DType, unknown][] = [
    ['int64', NaN],
    ['int64', 1.5],
    ['int64', Infinity],
    ['int64', 2 ** 53],
    ['int64', -(2 ** 53)],
    ['int64', 2n ** 63n],
    ['int64', undefined],
    ['int64', null],
    ['int64', '1'],
    ['int32', 2 ** 31],
    ['int32', -(2 ** 31) - 1],
    ['int32', 1.7],
    ['int32', 3000000000n],
    ['uint8', 256],
    ['uint8', -1],
    ['uint8', NaN],
    ['bool', 2],
    ['bool', 0.5],
    ['bool', NaN],
    ['float16', 65520],
    ['float16', -70000],
    ['bfloat16', 3.4e38],
    ['float32', 1e39],
    ['float32', 10n ** 39n],
    ['float64', 10n ** 400n],
    ['float64', {}],
    ['float32', undefined],
  ];
  const taken: [DType, unknown, number][] = [
    ['int64', 2 ** 53 - 1, 2 ** 53 - 1],
    ['int64', -(2n ** 63n), -(2 ** 63)],
    ['int64', true, 1],
    ['int64', -0, 0],
    ['int32', -(2 ** 31), -(2 ** 31)],
    ['uint8', 255n, 255],
    ['bool', 1n, 1],
    ['bool', 1, 1],
    ['float16', 65519, 65504],
    ['float16', 1e-9, 0],
    ['float16', -Infinity, -Infinity],
    ['float16', NaN, NaN],
    ['bfloat16', 3.38e38, 3.3762391e38],
    ['float32', 3.4028235e38, Math.fround(3.4028235e38)],
    ['float32', 2n ** 60n, 2 ** 60],
    ['float64', 1e300, 1e300],
  ];

  it('is refused in arrays, by place and value', async () => {
    for (const [dtype, value] of refused) {
      const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : '';
      await rejects(
        Tensor.from([1, value] as number[], undefined, { dtype }),
        'ERR_ARGUMENT',
        new RegExp(`type ${dtype} .*${text.replace('+', '\\+')} at index 1`),
      );
    }
    await rejects(
      Tensor.from(
        [
          [1, 2],
          [3, 300],
        ],
        undefined,
        { dtype: 'uint8' },
      ),
      'ERR_ARGUMENT',
      /from 0 to 255 .* number 300 at \[1\]\[1\]/,
    );
    await rejects(Tensor.from(new Array(3) as number[]), 'ERR_ARGUMENT', /undefined at index 0/);
    await rejects(Tensor.from([true, 2]), 'ERR_ARGUMENT', /true, false, 0 or 1 .* at index 1/);
    await rejects(Tensor.from([1n, 1.5]), 'ERR_ARGUMENT', /at index 1/);
  });

  it('is refused in TypedArrays by the same rule', async () => {
    const types = { number: Float64Array, bigint: BigInt64Array } as const;
    for (const [dtype, value] of refused) {
      if (typeof value !== 'number' && typeof value !== 'bigint') continue;
      if (typeof value === 'bigint' && BigInt.asIntN(64, value) !== value) continue;
      const array = types[typeof value as 'number'].from(
        [1 as never, 1 as never].map(() => (typeof value === 'bigint' ? 1n : 1) as never),
      );
      array[1] = value as never;
      await rejects(Tensor.from(array, undefined, { dtype }), 'ERR_ARGUMENT', /at index 1/);
    }
    await rejects(
      Tensor.from(Uint8Array.of(0, 2), [2], { dtype: 'bool' }),
      'ERR_ARGUMENT',
      /number 2 at index 1/,
    );
    await rejects(Tensor.from(BigUint64Array.of(2n ** 63n)), 'ERR_ARGUMENT', /at index 0/);
    await rejects(
      Tensor.from(Float32Array.of(NaN), [1], { dtype: 'int64' }),
      'ERR_ARGUMENT',
      /NaN at index 0/,
    );
  });

  it('is not what it can hold, if only by rounding', async () => {
    for (const [dtype, value, expected] of taken) {
      const [found] = await read([value], dtype);
      const near = Math.abs(found! - expected) <= 1e-6 * Math.abs(expected);
      assert.ok(Object.is(found, expected) || near, `${dtype} ${String(value)}: ${found}`);
    }
    const exact = (await (await Tensor.from([2n ** 53n + 1n])).toTypedArray()) as BigInt64Array;
    assert.equal(exact[0], 2n ** 53n + 1n);
  });

  it('is refused as a single number: full, fill, and operations', async () => {
    for (const [dtype, value] of refused) {
      if (typeof value !== 'number') continue;
      if (dtype === 'int64' && Math.abs(value) === 2 ** 53) continue; // exact, and nobody meant another
      await rejects(
        Tensor.full([2], value, { dtype }),
        'ERR_ARGUMENT',
        new RegExp(`type ${dtype} cannot be`),
      );
      const tensor = await Tensor.zeros([2], { dtype });
      await rejects(tensor.fill(value), 'ERR_ARGUMENT');
      await rejects(tensor.maskedFill(Tensor.from([true, false]), value), 'ERR_ARGUMENT');
      await rejects(tensor.addInPlace(value), 'ERR_ARGUMENT');
      await rejects(tensor.scatter(0, Tensor.from([0n]), value), 'ERR_ARGUMENT');
      await rejects(Tensor.where(Tensor.from([true, false]), tensor, value), 'ERR_ARGUMENT');
      assert.deepEqual(await tensor.toArray(), [0, 0], 'nothing was changed');
    }
    const bytes = await Tensor.from([44, 2], undefined, { dtype: 'uint8' });
    for (const operation of [
      'add',
      'sub',
      'mul',
      'eq',
      'lt',
      'maximum',
      'minimum',
      'pow',
      'remainder',
    ] as const)
      await rejects(bytes[operation](300), 'ERR_ARGUMENT', /from 0 to 255/);
    await rejects(bytes.clamp(0, 300), 'ERR_ARGUMENT');
    await rejects(Tensor.ones([1], { dtype: 'float16' }).mul(70000), 'ERR_ARGUMENT');
    await rejects(Tensor.arange(0, 4.5, 1, { dtype: 'int64' }), 'ERR_ARGUMENT');
    await rejects(Tensor.arange(0, NaN), 'ERR_ARGUMENT', /finite/);
  });

  it('does not keep single numbers that fit from operations', async () => {
    const integers = await Tensor.from([1, 5, 9], undefined, { dtype: 'int32' });
    const clamped = await integers.clamp(2, 7);
    assert.equal(clamped.dtype, 'int32', 'whole bounds keep integers what they are');
    assert.deepEqual(await clamped.toArray(), [2, 5, 7]);
    assert.deepEqual(await (await integers.maximum(3)).toArray(), [3, 5, 9]);
    assert.deepEqual(await (await integers.add(0.5)).toArray(), [1.5, 5.5, 9.5], 'a fraction makes floats');
    assert.deepEqual(await (await integers.eq(NaN)).toArray(), [0, 0, 0]);
    assert.deepEqual(await (await Tensor.zeros([1]).add(Infinity)).toArray(), [Infinity]);
    await integers.fill(-7);
    assert.deepEqual(await integers.toArray(), [-7, -7, -7]);
    assert.deepEqual(await (await Tensor.arange(1, 7, 2, { dtype: 'int64' })).toArray(), [1, 3, 5]);
  });

  it('is no reason to refuse labels of another integer type', async () => {
    await scope(async () => {
      const head = new ArcFaceHead({ numClasses: 3, embeddingSize: 4 });
      const embeddings = await Tensor.randn([2, 4]);
      const loss = async (dtype: DType): Promise<number> =>
        (await head.forward(embeddings, await Tensor.from([0, 2], [2], { dtype }))).item();
      const expected = await loss('int64');
      assert.equal(await loss('int32'), expected);
      assert.equal(await loss('uint8'), expected);
      await rejects(loss('float32'), 'ERR_DTYPE', /labels of type int64 .* float32/);
      await rejects(loss('bool'), 'ERR_ARGUMENT'); // 2 is none
      const logits = await Tensor.zeros([2, 4]);
      const entropy = await logits.crossEntropy(Tensor.from([0, 3], [2], { dtype: 'int32' })).item();
      assert.ok(Math.abs(entropy - Math.log(4)) < 1e-6);
      await rejects(logits.crossEntropy(Tensor.from([0.5, 1])), 'ERR_DTYPE');
      for (const [wrong, told] of [
        [4, /0 to 3 for 4 classes but received 4/],
        [-1, /received -1/],
      ] as const)
        await rejects(
          logits.crossEntropy(Tensor.from([0, wrong], [2], { dtype: 'int64' })),
          'ERR_LABEL_RANGE',
          told,
        );
      head.dispose();
    });
  });
});
