import type { IResNet } from '../../lib';
import { assertParity, needsParityDevice, parityDevice, precisions, reference } from '../support/parity';
import { networkBounds, passNetwork, randomNetwork, smallNetwork } from '../support/parity-network';

describe('IResNet: the device against the CPU', function () {
  needsParityDevice();

  for (const depth of [18, 50] as const)
    describe(`depth ${depth}`, () => {
      let weights: IResNet;
      before(async () => void (weights = await randomNetwork({ ...smallNetwork, depth })));
      after(() => weights.dispose());

      for (const precision of precisions)
        it(`embeddings, gradients and running statistics, ${precision}`, async () => {
          const expected = await passNetwork(reference, weights);
          const actual = await passNetwork({ device: parityDevice, precision }, weights);
          assertParity(actual, expected, networkBounds(precision), `IResNet-${depth}, ${precision}`);
        });
    });
});
