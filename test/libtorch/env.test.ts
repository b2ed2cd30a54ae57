import assert from 'node:assert/strict';
import { readEnv } from '../../lib/libtorch/env';

describe('the environment of lib/libtorch', () => {
  it('asks for the default version and variant where nothing is set', () => {
    const env = readEnv({ HOME: '/home/user' }, 'linux');
    assert.deepEqual(
      [env.version, env.variant, env.versionGiven, env.libtorch, env.usePython, env.skipBuild],
      ['2.13.0', 'cpu', false, undefined, false, false],
    );
  });

  it('caches where the platform keeps caches, unless KAPPA_CACHE says otherwise', () => {
    const cache = (env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string => readEnv(env, platform).cache;
    const home = { HOME: '/home/user' };
    assert.equal(cache(home, 'linux'), '/home/user/.cache/kappaface');
    assert.equal(cache({ ...home, XDG_CACHE_HOME: '/var/c' }, 'linux'), '/var/c/kappaface');
    assert.equal(cache({ ...home, XDG_CACHE_HOME: 'relative' }, 'linux'), '/home/user/.cache/kappaface');
    assert.equal(cache(home, 'darwin'), '/home/user/Library/Caches/kappaface');
    assert.equal(cache({ ...home, KAPPA_CACHE: '/data/k' }, 'darwin'), '/data/k');
  });

  it('takes 0, false and the empty string for off', () => {
    for (const value of ['', '0', 'false', 'no', 'OFF'])
      assert.equal(readEnv({ LIBTORCH_USE_PYTORCH: value }).usePython, false, value);
    for (const value of ['1', 'true', 'yes'])
      assert.equal(readEnv({ KAPPA_SKIP_BUILD: value }).skipBuild, true);
  });

  it('refuses impossible values by the name of the variable', () => {
    for (const [name, value] of [
      ['KAPPA_LIBTORCH_VERSION', 'latest'],
      ['KAPPA_LIBTORCH_VERSION', '../../etc'],
      ['KAPPA_LIBTORCH_VARIANT', 'rocm'],
      ['KAPPA_LIBTORCH_SHA256', 'abc'],
    ] as const)
      assert.throws(() => readEnv({ [name]: value }), {
        code: 'ERR_CONFIG',
        message: new RegExp(`^${name} `),
      });
  });
});
