import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { isUpToDate, readBuildMetadata, writeBuildMetadata } from '../../lib/libtorch/build/build-metadata';
import { inspectLibtorch } from '../../lib/libtorch/inspect';
import { locateAddon, pixelsBeside } from '../../lib/libtorch/build/locate-addon';
import { buildJobs, machineResources } from '../../lib/libtorch/build/machine';
import { wheelTags } from '../../lib/libtorch/platform';
import { writeTree } from '../support/fake-libtorch';
import { temporaryFolder, writeFiles } from '../support/folder';

describe('the build of the addon', () => {
  it('is up to date until a source, the LibTorch, the configuration or the addon changes', () => {
    const root = writeFiles(temporaryFolder(), {
      'package.json': '{"version":"1.2.3"}',
      'CMakeLists.txt': 'target_compile_definitions(kappaface PRIVATE NAPI_VERSION=9)',
      'native/a/a.cc': 'int a;',
      'native/a/a_test.cc': 'int test;',
    });
    const libtorch = inspectLibtorch(writeTree(temporaryFolder()));
    const other = inspectLibtorch(writeTree(temporaryFolder(), { version: '2.14.1' }));
    const [addon = ''] = locateAddon(root, false);
    fs.mkdirSync(path.dirname(addon), { recursive: true });
    const upToDate = (): boolean => isUpToDate(addon, libtorch, 'Release', root);

    assert.equal(upToDate(), false);
    fs.writeFileSync(addon, 'binary');
    assert.equal(upToDate(), false);
    writeBuildMetadata(addon, libtorch, 'Release', root);
    // The small addon is still missing.
    assert.equal(upToDate(), false);
    fs.mkdirSync(path.dirname(pixelsBeside(addon)));
    fs.writeFileSync(pixelsBeside(addon), 'binary');
    assert.equal(upToDate(), true);
    const metadata = readBuildMetadata(addon);
    assert.deepEqual(
      [metadata?.addonVersion, metadata?.napiVersion, metadata?.libtorch.root],
      ['1.2.3', 9, libtorch.root],
    );
    assert.equal(isUpToDate(addon, other, 'Release', root), false);
    assert.equal(isUpToDate(addon, libtorch, 'Debug', root), false);
    fs.writeFileSync(path.join(root, 'native/a/a_test.cc'), 'int changed;');
    assert.equal(upToDate(), true);
    fs.writeFileSync(path.join(root, 'native/a/a.cc'), 'int changed;');
    assert.equal(upToDate(), false);
  });

  it('is looked for as CUDA build and debug build where asked, and as release build', () => {
    const root = temporaryFolder();
    const places = (debug: boolean, cuda = false): string[] =>
      locateAddon(root, debug, cuda).map((file) => path.relative(path.join(root, 'build'), file));
    const release = path.join('Release', 'kappaface.node');
    assert.deepEqual(places(false), [release]);
    assert.deepEqual(places(true), [path.join('Debug', 'kappaface.node'), release]);
    const withCuda = path.join('cuda', 'Release', 'kappaface.node');
    assert.deepEqual(places(false, true), [withCuda, release]);
    // The small one in a folder beside each.
    const both = (name: 'kappaface' | 'kappaface-pixels') => locateAddon(root, true, true, name);
    assert.deepEqual(both('kappaface-pixels'), both('kappaface').map(pixelsBeside));
    // Where the one with CUDA is there, it is the only one.
    writeFiles(root, { 'build/cuda/Release/kappaface.node': '' });
    assert.deepEqual(places(true, true), [withCuda]);
  });

  it('runs as many compilers as processors, control group and memory allow, and at least one', () => {
    const machine = { ...machineResources(), cpus: 8, cpuQuota: undefined, freeMemory: 64e9 };
    assert.equal(buildJobs(machine), 8);
    assert.equal(buildJobs({ ...machine, cpuQuota: 2.5 }), 3);
    assert.equal(buildJobs({ ...machine, freeMemory: 5e9 }), 2);
    assert.equal(buildJobs({ ...machine, freeMemory: 1e8 }), 1);
  });

  it('knows the wheels of the platforms that have one', () => {
    const tags = (platform: NodeJS.Platform, arch: string, musl = false): string[] =>
      wheelTags({ platform, arch, musl });
    assert.deepEqual(tags('linux', 'x64'), ['manylinux_2_28_x86_64']);
    assert.deepEqual(tags('linux', 'arm64'), ['manylinux_2_28_aarch64']);
    assert.ok(tags('darwin', 'arm64').every((tag) => tag.endsWith('_arm64')));
    for (const none of [tags('linux', 'x64', true), tags('darwin', 'x64'), tags('linux', 'riscv64')])
      assert.deepEqual(none, []);
  });
});
