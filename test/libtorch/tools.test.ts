import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import { checkCompiler } from '../../lib/libtorch/build/tools';
import { temporaryFolder } from '../support/folder';

describe('the check of the compiler', () => {
  it('takes the one that built the addon', async function () {
    if (process.platform === 'win32') this.skip();
    const { status, detail } = await checkCompiler(undefined);
    assert.equal(status, 'ok', detail);
  });

  it('names one that lacks something, and what does not', async function () {
    if (process.platform === 'win32') this.skip();
    const compiler = path.join(temporaryFolder(), 'old-g++');
    const script = '#!/bin/sh\nif [ "$1" = --version ]; then echo "old-g++ (GCC) 9.4.0"; else exit 1; fi\n';
    fs.writeFileSync(compiler, script, { mode: 0o755 });
    const { status, detail, remedy } = await checkCompiler(compiler);
    assert.equal(status, 'missing');
    assert.match(detail, /^old-g\+\+ \(GCC\) 9\.4\.0: does not compile the C\+\+20 that is needed \(GCC 11,/);
    assert.match(remedy ?? '', /\S/);
  });

  it('names one that is not there', async function () {
    if (process.platform === 'win32') this.skip();
    const { status, detail } = await checkCompiler('/nowhere/c++');
    assert.equal(status, 'missing');
    assert.match(detail, /\/nowhere\/c\+\+: not found/);
  });
});
