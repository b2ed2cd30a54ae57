import assert from 'node:assert/strict';
import { environmentVariables, isDebug, readEnvironment } from '../../lib/config';

describe('environment', () => {
  it('asks for nothing by default', () => {
    const { debug, color, threads } = readEnvironment({});
    assert.deepEqual({ debug, color, threads }, { debug: false, color: true, threads: undefined });
  });

  it('reads each variable', () => {
    const environment = readEnvironment({
      KAPPA_DEBUG: '1',
      NO_COLOR: '1',
      KAPPA_THREADS: '3',
      KAPPA_CACHE: '/var/cache/faces',
    });
    assert.deepEqual(environment, { debug: true, color: false, threads: 3, cache: '/var/cache/faces' });
    assert.equal(isDebug({ KAPPA_DEBUG: '0' }), false);
    assert.equal(isDebug({ KAPPA_DEBUG: '' }), false);
  });

  it('names the variable whose value cannot be', () => {
    for (const value of ['0', '-1', '1.5', 'two', '99999'])
      assert.throws(() => readEnvironment({ KAPPA_THREADS: value }), {
        code: 'ERR_CONFIG',
        message: /KAPPA_THREADS/,
      });
  });

  it('documents every variable', () => {
    for (const doc of Object.values(environmentVariables)) assert.ok(doc.length > 10);
  });
});
