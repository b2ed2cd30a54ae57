import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { inspectLibtorch, libraryName } from '../../lib/libtorch/inspect';
import { writeTree } from '../support/fake-libtorch';
import { temporaryFolder } from '../support/folder';

describe('looking at a LibTorch', () => {
  it('tells version, variant and root, also of the folder above', () => {
    const folder = temporaryFolder();
    const root = writeTree(path.join(folder, 'libtorch'), { version: '2.14.1' });
    for (const given of [root, folder]) {
      const tree = inspectLibtorch(given);
      assert.deepEqual([tree.root, tree.version, tree.variant], [root, '2.14.1', 'cpu']);
    }
  });

  it('tells the CUDA variant by its library', () => {
    assert.equal(inspectLibtorch(writeTree(temporaryFolder(), { cuda: true })).variant, 'cuda');
  });

  it('refuses versions that the sources are not written for', () => {
    for (const version of ['2.12.1', '2.15.0', '1.13.0'])
      assert.throws(() => inspectLibtorch(writeTree(temporaryFolder(), { version })), {
        code: 'ERR_VERSION',
        message: new RegExp(`LibTorch ${version}; supported are 2\\.13\\.x, 2\\.14\\.x`),
      });
  });

  it('refuses another version or variant than the one asked for', () => {
    const root = writeTree(temporaryFolder());
    assert.throws(() => inspectLibtorch(root, { version: '2.14.1' }), { code: 'ERR_VERSION' });
    assert.throws(() => inspectLibtorch(root, { variant: 'cuda' }), { code: 'ERR_VERSION' });
  });

  it('refuses the old C++ ABI, by the CMake flag and by the exported names', function () {
    if (process.platform !== 'linux') this.skip();
    for (const options of [{ abiFlag: '0' }, { symbols: '_ZNSsC1Ev' }] as const)
      assert.throws(() => inspectLibtorch(writeTree(temporaryFolder(), options)), {
        code: 'ERR_VERSION',
        message: /_GLIBCXX_USE_CXX11_ABI=0/,
      });
    assert.equal(inspectLibtorch(writeTree(temporaryFolder(), { abiFlag: '1', symbols: '' })).abi, 'cxx11');
  });

  it('refuses a missing folder, one without LibTorch, one without a library and one without a version', () => {
    const root = writeTree(temporaryFolder());
    const cases: [string, RegExp][] = [
      [path.join(root, 'nowhere'), /does not exist/],
      [path.join(root, 'lib'), /has no share.cmake.Torch.TorchConfig\.cmake/],
    ];
    for (const [folder, message] of cases)
      assert.throws(() => inspectLibtorch(folder), { code: 'ERR_LIBTORCH_NOT_FOUND', message });
    fs.rmSync(path.join(root, 'include'), { recursive: true });
    assert.throws(() => inspectLibtorch(root), /does not tell its version/);
    fs.writeFileSync(path.join(root, 'build-version'), '2.13.0+cpu\n');
    assert.equal(inspectLibtorch(root).version, '2.13.0');
    fs.rmSync(path.join(root, 'lib', libraryName('torch_cpu')));
    assert.throws(() => inspectLibtorch(root), {
      code: 'ERR_LIBTORCH_NOT_FOUND',
      message: /torch_cpu.* is missing/,
    });
  });

  it('refuses a library that is truncated or of another processor', function () {
    if (process.platform !== 'linux') this.skip();
    assert.throws(() => inspectLibtorch(writeTree(temporaryFolder(), { machine: 243 })), /another processor/);
    const root = writeTree(temporaryFolder());
    fs.writeFileSync(path.join(root, 'lib', 'libc10.so'), '');
    assert.throws(() => inspectLibtorch(root), /damaged or truncated/);
  });
});
