import { Tensor } from '../../lib';
import type { KappaErrorCode } from '../../lib/errors';
import { rejects } from '../support/assert';

describe('the code of what LibTorch refuses', () => {
  const ints = (...numbers: number[]): Promise<Tensor> => Tensor.from(numbers, undefined, { dtype: 'int64' });
  const refused = (code: KappaErrorCode, calls: Record<string, (a: Tensor) => Promise<unknown>>): void => {
    for (const [what, call] of Object.entries(calls))
      it(`is ${code} for ${what}`, async () => {
        await rejects(call(await Tensor.ones([2, 3])), code);
      });
  };

  refused('ERR_SHAPE', {
    'sides that do not broadcast': async (a) => a.add(await Tensor.ones([4])),
    'a product whose sides do not meet': (a) => a.matmul(a),
    'other counts of elements': (a) => a.reshape([4, 4]),
    'an index beyond a side': (a) => a.select(0, 2),
    'a dimension that is not there': (a) => a.softmax(5),
    'joined tensors of other widths': async (a) => Tensor.cat([a, await Tensor.ones([2, 4])], 0),
    'an index of too many dimensions': async (a) => a.gather(1, await ints(0)),
    'a target that is too small': async (a) => a.copyFrom(await Tensor.ones([5])),
  });
  refused('ERR_DTYPE', {
    'a source of another type': async (a) =>
      a.indexAdd(0, await ints(0), await Tensor.ones([1, 3], { dtype: 'float64' })),
  });
  refused('ERR_LIBTORCH', {
    'an index that only its number makes wrong': async (a) => a.indexSelect(0, await ints(7)),
    'a change of what gradients need': async (a) => {
      a.requiresGrad = true;
      await a.addInPlace(1);
    },
  });
});
