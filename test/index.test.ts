import assert from 'node:assert/strict';

import { DataLoader, Loader, checkData, verifyData } from '../lib';
import { runScript } from './support/run-kappa';

describe('the library', () => {
  it('loads few modules, and no schemas, decoders of rare formats or YAML before they are needed', () => {
    const { code, stdout } = runScript(`
      for (const file of Object.keys(require.cache)) delete require.cache[file];
      require('./lib');
      const files = Object.keys(require.cache);
      const own = files.filter((file) => /.lib./.test(file) && !file.includes('node_modules'));
      const heavy = files.filter((file) => /kappaface\\.node$|node_modules.(zod|sharp|yaml|jiti|commander)\\b/.test(file));
      console.log(JSON.stringify({ own: own.length, heavy }));`);
    assert.equal(code, 0);
    const { own, heavy } = JSON.parse(stdout) as { own: number; heavy: string[] };
    assert.deepEqual(heavy, []);
    assert.ok(own > 50 && own <= 195, `${own} modules`);
  });

  it('keeps the names of the version before', () => {
    assert.equal(Loader, DataLoader);
    assert.equal(verifyData, checkData);
  });
});
