import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';

import { Trainer } from '../../lib';
import type { DeviceSettings } from '../../lib/native/contract';
import { native } from '../../lib/native/load';
import { configureDevice } from '../../lib/runtime/settings';
import { replaced } from '../support/replace';
import { temporaryFolder } from '../support/folder';
import { tinyConfig, tinyFaces } from '../support/tiny-run';

/** What the addon is told of devices while a function runs; it is told, too. */
async function settingsGiven(body: () => Promise<unknown>): Promise<DeviceSettings[]> {
  const addon = native();
  const { configureDevice: original } = addon;
  const given: DeviceSettings[] = [];
  const noting = (settings: DeviceSettings): Promise<void> => {
    given.push(settings);
    return original(settings);
  };
  await replaced(addon, 'configureDevice', noting, body);
  return given;
}

describe('the settings of devices', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();

  afterEach(() => configureDevice({ allowTf32: false, deterministic: false }));

  it('are those of the config while it trains', async () => {
    const faces = await tinyFaces(path.join(folder, 'cache'));
    const given = (runtime: object): Promise<DeviceSettings[]> => {
      const config = tinyConfig(faces, path.join(folder, 'runs'), { runtime });
      return settingsGiven(() => new Trainer(config).dryRun());
    };
    assert.deepEqual(await given({ allowTf32: true }), [{ allowTf32: true, deterministic: false }]);
    assert.deepEqual(await given({ deterministic: true }), [{ allowTf32: false, deterministic: true }]);
    assert.ok(!existsSync(path.join(folder, 'runs')));
  });

  it('give cuBLAS memory that makes it deterministic, unless the user has chosen', async () => {
    const name = 'CUBLAS_WORKSPACE_CONFIG';
    const before = process.env[name];
    try {
      delete process.env[name];
      await configureDevice({ allowTf32: true, deterministic: false });
      assert.equal(process.env[name], undefined);
      await configureDevice({ allowTf32: false, deterministic: true });
      assert.equal(process.env[name], ':4096:8');
      process.env[name] = ':16:8';
      await configureDevice({ allowTf32: false, deterministic: true });
      assert.equal(process.env[name], ':16:8');
    } finally {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    }
  });
});
