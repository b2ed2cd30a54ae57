import assert from 'node:assert/strict';
import { formatTable } from '../../lib/report/console/table';
import { formatNumber, formatSeconds } from '../../lib/report/console/text';

describe('table', () => {
  it('aligns text to the left and numbers to the right', () => {
    const table = formatTable(
      ['set', 'accuracy', 'pairs'],
      [
        ['lfw', '99.83%', 6000],
        ['agedb_30', '-', 600],
      ],
    );
    assert.equal(
      table,
      ['set       accuracy  pairs', 'lfw         99.83%   6000', 'agedb_30         -    600', ''].join('\n'),
    );
  });

  it('prints a header alone', () => {
    assert.equal(formatTable(['a', 'bc'], []), 'a  bc\n');
  });

  it('refuses rows that do not fit', () => {
    assert.throws(() => formatTable(['a'], [['x', 'y']]), {
      code: 'ERR_ARGUMENT',
      message: /1 cells for row 0/,
    });
  });
});

describe('text', () => {
  it('writes times shortly', () => {
    assert.deepEqual([0, 59.4, 59.6, 187, 18_120, NaN].map(formatSeconds), [
      '0s',
      '59s',
      '1m 00s',
      '3m 07s',
      '5h 02m',
      '-',
    ]);
  });

  it('writes numbers without needless digits', () => {
    assert.deepEqual(
      [0.1, 0.0125, 1e-7, 12.34567, NaN].map((x) => formatNumber(x)),
      ['0.1', '0.0125', '1e-7', '12.35', 'NaN'],
    );
  });
});
