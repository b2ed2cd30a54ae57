import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { buildInfo } from '../../lib';
import { temporaryFolder } from '../support/folder';

const load = path.join(__dirname, '../../lib/native/load');

/** A library that stands before LibTorch and describes it as another version. */
function impostor(folder: string, version: string): string {
  const [source, library] = ['cc', 'so'].map((end) => path.join(folder, `torch-${version}.${end}`)) as [
    string,
    string,
  ];
  writeFileSync(
    source,
    `#include <string>
     namespace at { std::string show_config(); }
     std::string at::show_config() { return "PyTorch built with:\\n  TORCH_VERSION=${version}, USE_CUDA=0"; }`,
  );
  execFileSync(process.env['CXX'] ?? 'c++', ['-shared', '-fPIC', '-o', library, source]);
  return library;
}

describe('the LibTorch that is loaded', () => {
  it('is the one that buildInfo tells of', () => {
    const { libtorch, configuration } = buildInfo();
    assert.match(libtorch, /^2\.\d+\.\d+/);
    assert.ok(configuration.includes(`TORCH_VERSION=${libtorch}`));
  });

  it('must be of the minor version that the addon was built for', function () {
    if (process.platform !== 'linux') this.skip();
    const [, minor = '0'] = buildInfo().libtorch.split('.');
    const loadWith = (version: string): string => {
      const script = `
        try {
          console.log(require(${JSON.stringify(load)}).native().buildInfo().libtorch);
        } catch (error) {
          console.log(error.code + ': ' + error.message);
        }`;
      const env = { ...process.env, LD_PRELOAD: impostor(temporaryFolder(), version) };
      const args = ['-r', require.resolve('ts-node/register/transpile-only'), '-e', script];
      return execFileSync(process.execPath, args, { env, encoding: 'utf8' });
    };
    assert.equal(loadWith(`2.${minor}.99`), `2.${minor}.99\n`);

    const refusal = loadWith(`2.${Number(minor) - 1}.1`);
    assert.match(refusal, /^ERR_ADDON: /);
    const wrong = `2\\.${Number(minor) - 1}\\.1`;
    assert.match(
      refusal,
      new RegExp(
        `built for LibTorch 2\\.${minor}\\.\\d+, but ${wrong} \\(.*torch-${wrong}\\.so\\) is loaded`,
      ),
    );
    assert.match(refusal, /npx kappa libtorch install/);
  });
});
