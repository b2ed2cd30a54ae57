import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {
  childVariables,
  ENVIRONMENT_VARIABLES,
  isDebug,
  readEnvironment,
  readLauncherVariables,
  readWorkerVariables,
  spinning,
  visibleGpus,
  type Variables,
} from '../lib/env';
import { readEnv } from '../lib/libtorch/env';

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

  it('lists every variable that is read', () => {
    const read = new Set<string>();
    const recorder = new Proxy<Variables>({}, { get: (_, name) => void read.add(String(name)) });
    for (const read of [readEnvironment, readWorkerVariables, readLauncherVariables, visibleGpus])
      read(recorder);
    for (const platform of ['linux', 'darwin', 'win32'] as const) readEnv(recorder, platform);
    const listed = ENVIRONMENT_VARIABLES.map(({ name }) => name);
    assert.deepEqual(
      [...read].filter((name) => !listed.includes(name)),
      [],
    );
    // The scripts and the addons read what lib/ does not.
    assert.deepEqual(
      listed.filter((name) => !read.has(name)),
      ['KAPPA_CPU_ISA', 'CUDACXX'],
    );
  });

  it('leaves out variables of launchers that are not set or empty', () => {
    const variables = { RANK: '', WORLD_SIZE: '2', PET_NNODES: '1:4', PATH: '/bin' };
    assert.deepEqual(readWorkerVariables(variables), { WORLD_SIZE: '2' });
    assert.deepEqual(readLauncherVariables(variables), { PET_NNODES: '1:4' });
    assert.deepEqual(childVariables({ RANK: '1' }, variables), { ...variables, RANK: '1' });
  });

  it('gives the defaults that hold', () => {
    const { version, variant } = readEnv({});
    const withCuda = readEnv({ KAPPA_LIBTORCH_VARIANT: 'cu130' }).version;
    const listed = (name: string) => ENVIRONMENT_VARIABLES.find((one) => one.name === name)?.default;
    assert.deepEqual(
      [listed('KAPPA_LIBTORCH_VERSION'), listed('KAPPA_LIBTORCH_VARIANT')],
      [`${version}; ${withCuda} of variant cu130`, variant],
    );
  });

  it('is documented variable by variable', () => {
    const text = fs.readFileSync(path.join(__dirname, '../docs/reference/environment.md'), 'utf8');
    const rows = [...text.matchAll(/^\| `(\w+)` *\|(.*?)\|(.*?)\|$/gm)].map(
      ([, name, meaning, standard]) => ({
        name,
        // Markdown marks what would otherwise be its own.
        meaning: meaning!.trim().replace(/\\(\W)/g, '$1'),
        default: standard!.trim().replace(/\\(\W)/g, '$1'),
      }),
    );
    assert.deepEqual(rows, ENVIRONMENT_VARIABLES);
  });

  it('lets threads spin long where the addon shortens it, as is good beside others elsewhere, and as the user says', () => {
    const long = { variables: { GOMP_SPINCOUNT: '300000', OMP_WAIT_POLICY: 'active' }, isLimited: true };
    const short = { variables: { GOMP_SPINCOUNT: '2000' }, isLimited: false };
    const own = { variables: {}, isLimited: false };
    assert.deepEqual(spinning({}, 'linux'), long);
    assert.deepEqual(spinning({ LOCAL_WORLD_SIZE: '1' }, 'linux'), long);
    assert.deepEqual(spinning({ LOCAL_WORLD_SIZE: '2' }, 'linux'), short);
    assert.deepEqual(spinning({}, 'darwin'), short);
    for (const name of ['OMP_PROC_BIND', 'OMP_PLACES', 'GOMP_CPU_AFFINITY', 'KMP_AFFINITY'])
      assert.deepEqual(spinning({ [name]: 'false' }, 'linux'), short, name);
    assert.deepEqual(spinning({ GOMP_SPINCOUNT: '7' }, 'linux'), own);
    assert.deepEqual(spinning({ OMP_WAIT_POLICY: 'passive' }, 'linux'), own);
  });
});
