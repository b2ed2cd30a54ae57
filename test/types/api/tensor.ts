import { liveTensors, noGrad, scope, Tensor, type DType, type HostArray } from 'kappaface';
import { holds, type Same } from './same';

export async function operations(x: Tensor): Promise<void> {
  const y: Tensor = await x.add(1);
  const z: Tensor = await y.reshape([-1, 3]);
  const total: Tensor = await z.sum([0, 1], true);
  const moved: Tensor = await z.addInPlace(y);
  const chained: Tensor = await x
    .sub(1)
    .reshape([-1, 3])
    .add(Tensor.ones([3]));
  const other: Tensor = await moved.add(chained).to({ dtype: 'bfloat16', device: 'cuda:0' });
  holds<Same<Awaited<ReturnType<Tensor['item']>>, number>>();
  holds<Same<Awaited<ReturnType<Tensor['toArray']>>, number[]>>();
  holds<Same<Awaited<ReturnType<Tensor['toTypedArray']>>, HostArray>>();
  holds<Same<Tensor['shape'], readonly number[]>>();
  holds<Same<Tensor['dtype'], DType>>();
  const { values, indices } = await other.topk(5);
  const parts: Tensor[] = await Tensor.cat([total, values, indices]).then((joined) => joined.split(2));
  const gradient: Tensor | null = await parts[0]!.grad();
  await gradient?.backward();

  // @ts-expect-error an operation gives a promise, not yet a tensor
  const early: Tensor = x.add(1);
  // @ts-expect-error operands are tensors and numbers
  await x.add('1');
  // @ts-expect-error a shape is a list
  await x.reshape(12);
  // @ts-expect-error there is no such operation
  await x.plus(1);
  // @ts-expect-error the shape is fixed
  x.shape[0] = early.size;
  // @ts-expect-error the element type is fixed: `to` makes another tensor
  x.dtype = 'int64';
}

export async function creation(): Promise<void> {
  const nested: Tensor = await Tensor.from([[1], [2]], [2], { dtype: 'int64' });
  const typed: Tensor = await Tensor.from(new Float32Array(6), [2, 3], { copy: false });
  const empty: Tensor = Tensor.empty([2, 3], { device: 'cuda' });
  empty.requiresGrad = nested.requiresGrad && typed.isLeaf;

  // @ts-expect-error text is no data
  await Tensor.from('12');
  // @ts-expect-error PyTorch's names of types are written in full
  await Tensor.zeros([2], { dtype: 'float' });
  // @ts-expect-error a shape is a list
  await Tensor.randn(2, 3);
  // @ts-expect-error tensors come from Tensor.from, Tensor.zeros and the like
  new Tensor();
}

export async function lives(x: Tensor): Promise<void> {
  const sum: Tensor = await scope(() => x.sum());
  const list: Tensor[] = await scope(async () => [await x.mul(x), await x.abs()]);
  const norm: number = await scope(async () => (await x.norm()).item());
  const mean: Tensor = await noGrad(() => x.mean());
  const kept: Tensor = mean.keep();
  const live: number = liveTensors().count;
  using temporary = kept;
  temporary.dispose();
  const disposables: Disposable[] = [sum, kept, ...list];

  // @ts-expect-error a scope runs a function
  await scope(x.sum());
  // @ts-expect-error what a scope returns is known by its type
  const text: string = await scope(() => norm + live);
  disposables.push({ [Symbol.dispose]: () => void text });
}
