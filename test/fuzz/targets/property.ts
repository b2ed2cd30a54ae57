import assert from 'node:assert/strict';
import { parseProperty } from '../../../lib/data/layout/property';
import type { FuzzTarget } from '../target';

/** `property`. */
export const propertyTarget: FuzzTarget = {
  name: 'property',
  about: "a data set's property file",
  codes: ['ERR_DATA_CORRUPT'],
  seeds: () => ['85742,112,112', '10, 112, 96\n', ' 16777216,1,1\r\n'].map((text) => Buffer.from(text)),
  tokens: [',', '\n', ' ', '\t', '-', '\0', '\xa0'],
  everydayInputs: 20_000,
  open: () => (input) => {
    const { numClasses, imageSize } = parseProperty(input, 'property');
    assert.ok(Number.isInteger(numClasses) && numClasses > 0 && numClasses <= 2 ** 24);
    assert.ok(imageSize.every((side) => Number.isInteger(side) && side > 0 && side < 100_000));
    return Math.clz32(numClasses);
  },
};
