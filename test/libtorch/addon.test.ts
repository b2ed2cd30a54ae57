import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fitOf } from '../../lib/libtorch/addon/fit';
import { addonRemedies, pixelsPlaces, planAddon } from '../../lib/libtorch/addon/plan';
import type { AddonPlan } from '../../lib/libtorch/addon/plan';
import { platformPackage } from '../../lib/libtorch/addon/platform-packages';
import { failureOf } from '../../lib/libtorch/addon/try-addon';
import { writeBuildMetadata } from '../../lib/libtorch/build/build-metadata';
import { pixelsBeside } from '../../lib/libtorch/build/locate-addon';
import { librarySizes, writeManifest } from '../../lib/libtorch/cache';
import { readEnv } from '../../lib/libtorch/env';
import { inspectLibtorch } from '../../lib/libtorch/inspect';
import type { LibtorchTree } from '../../lib/libtorch/inspect';
import { addonError } from '../../lib/native/require-addon';
import type { FakeOptions } from '../support/fake-libtorch';
import { writeTree } from '../support/fake-libtorch';
import { temporaryFolder, writeFiles } from '../support/folder';

describe('whether an addon goes with a LibTorch', () => {
  const tree = (version: string, more: Partial<LibtorchTree> = {}): LibtorchTree => ({
    root: '/libtorch',
    version,
    variant: 'cpu',
    abi: 'cxx11',
    ...more,
  });

  it('is sure of the same version, unsure of another patch, and sure that another line does not', () => {
    const built = tree('2.13.0');
    assert.deepEqual(fitOf(built, tree('2.13.0')), { fits: true });
    assert.deepEqual(fitOf(built, tree('2.13.1')), {
      fits: 'perhaps',
      doubt: 'is built for LibTorch 2.13.0 (cpu), and 2.13.1 (cpu) was found',
    });
    assert.equal(fitOf(built, tree('2.14.0')).fits, false);
  });

  it('needs the same variant, C++ ABI and CUDA', () => {
    const built = tree('2.14.1', { variant: 'cuda', cuda: 13 });
    assert.equal(fitOf(built, tree('2.14.1')).fits, false);
    assert.equal(fitOf(built, { ...built, abi: 'pre-cxx11' }).fits, false);
    assert.deepEqual(fitOf(built, { ...built, cuda: 12 }), {
      fits: false,
      reason: 'is built for CUDA 13, and the LibTorch found needs CUDA 12',
    });
    assert.equal(fitOf(built, { ...built, root: '/elsewhere' }).fits, true);
  });
});

describe('the choice of the addon', () => {
  const name = platformPackage('cpu') ?? '';
  let root: string;
  let cache: string;

  before(function () {
    if (name === '') this.skip(); // there are no prebuilt addons for this platform
  });
  beforeEach(() => {
    cache = temporaryFolder();
    root = writeFiles(temporaryFolder(), {
      'package.json': '{"name":"kappaface","version":"1.2.3"}',
      'CMakeLists.txt': 'NAPI_VERSION=8',
      'native/a.cc': 'int a;',
    });
  });

  /** Puts a LibTorch into the cache. */
  const fetched = (options: FakeOptions = {}): LibtorchTree => {
    const { version = '2.13.0', cuda = false } = options;
    const variant = cuda ? 'cuda' : 'cpu';
    const folder = writeTree(path.join(cache, 'libtorch', `${version}-${variant}`), options);
    writeManifest(folder, { version, variant, source: 'test', libraries: librarySizes(folder) });
    return inspectLibtorch(folder);
  };
  /** Writes an addon that nobody could load, and what is known of it. */
  const writeAddon = (addon: string, libtorch: LibtorchTree | undefined, forOthers: boolean): string => {
    writeFiles(path.dirname(addon), { 'kappaface.node': 'x', 'pixels/kappaface-pixels.node': 'x' });
    if (libtorch !== undefined) writeBuildMetadata(addon, libtorch, 'Release', root, forOthers);
    return addon;
  };
  const buildHere = (libtorch?: LibtorchTree): string =>
    writeAddon(path.join(root, 'build', 'Release', 'kappaface.node'), libtorch, false);
  const installPackage = (libtorch?: LibtorchTree, version = '1.2.3', package_ = name): string => {
    const folder = path.join(root, 'node_modules', package_);
    writeFiles(folder, { 'package.json': JSON.stringify({ name: package_, version }) });
    return writeAddon(path.join(folder, 'kappaface.node'), libtorch, true);
  };
  const plan = (env: NodeJS.ProcessEnv = {}): AddonPlan =>
    planAddon(readEnv({ KAPPA_CACHE: cache, ...env }), root);
  const reasons = ({ attempts }: AddonPlan): string[] =>
    attempts.map(({ source, reason }) => `${source}: ${reason}`);

  it('takes the package for the LibTorch that is found', () => {
    const libtorch = fetched();
    const addon = installPackage(libtorch);
    const { choices, missingPackage } = plan();
    assert.deepEqual(
      choices.map((choice) => [choice.name, choice.addon, choice.libtorch.root, choice.doubt]),
      [[`${name} 1.2.3`, addon, libtorch.root, undefined]],
    );
    assert.equal(choices[0]?.pixels, pixelsBeside(addon));
    assert.equal(missingPackage, undefined);
  });

  it('takes what was built here before it, with the LibTorch of that build, wherever that lies', () => {
    installPackage(fetched());
    const own = inspectLibtorch(writeTree(temporaryFolder(), { version: '2.14.0' }));
    const addon = buildHere(own);
    const [choice, ...others] = plan().choices;
    assert.deepEqual([choice?.addon, choice?.libtorch.root, others.length], [addon, own.root, 0]);
    // Unless another one is asked for.
    const { choices, attempts } = plan({ LIBTORCH: writeTree(temporaryFolder()) });
    assert.deepEqual(
      choices.map((found) => found.kind),
      ['prebuilt'],
    );
    assert.match(attempts[0]?.reason ?? '', /is built for LibTorch 2\.14\.0 \(cpu\), and 2\.13\.0 \(cpu\)/);
  });

  it('takes the LibTorch that is found where that of the build is gone', () => {
    const own = inspectLibtorch(writeTree(temporaryFolder()));
    buildHere(own);
    fs.rmSync(own.root, { recursive: true });
    assert.deepEqual(
      reasons(plan())[0],
      'build/Release/kappaface.node: needs LibTorch 2.13.x (cpu), and none was found',
    );
    const libtorch = fetched();
    assert.equal(plan().choices[0]?.libtorch.root, libtorch.root);
  });

  it('doubts another patch version, and an addon of which nothing is known', () => {
    installPackage(inspectLibtorch(writeTree(temporaryFolder(), { version: '2.13.4' })));
    fetched();
    assert.match(plan().choices[0]?.doubt ?? '', /2\.13\.4 \(cpu\), and 2\.13\.0/);
    buildHere();
    assert.equal(plan().choices[0]?.doubt, 'nothing is known of its build');
  });

  it('names the package that is missing, of another version or empty, and how to get it', () => {
    fetched();
    const remedy = `npm install --save-optional ${name}@1.2.3`;
    const remedies = (): string[] => addonRemedies(plan()).map(([command]) => command);
    assert.deepEqual(reasons(plan()), ['build/Release/kappaface.node: not built', `${name}: not installed`]);
    assert.equal(remedies()[0], remedy);
    const addon = installPackage(undefined, '1.2.2');
    assert.match(
      reasons(plan())[1] ?? '',
      /1\.2\.2: belongs to another version: kappaface 1\.2\.3 needs the same/,
    );
    assert.equal(remedies()[0], remedy);
    installPackage(undefined, '1.2.3');
    fs.rmSync(addon);
    assert.match(reasons(plan())[1] ?? '', /kappaface\.node is missing/);
    assert.equal(remedies()[0], remedy);
  });

  it('chooses the package with CUDA where the LibTorch found is a CUDA one, or it is asked for', () => {
    const withCuda = `${name.replace(/cpu$/, '')}cu130`;
    installPackage(fetched());
    assert.deepEqual(reasons(plan({ KAPPA_LIBTORCH_VARIANT: 'cu130' })).at(-1), `${withCuda}: not installed`);
    const libtorch = fetched({ version: '2.14.1', cuda: true });
    const addon = installPackage(libtorch, '1.2.3', withCuda);
    for (const variant of ['cu130', 'cuda'])
      assert.equal(plan({ KAPPA_LIBTORCH_VARIANT: variant }).choices[0]?.addon, addon);
    assert.equal(plan({ LIBTORCH: libtorch.root }).choices[0]?.addon, addon);
    assert.equal(plan().choices[0]?.libtorch.variant, 'cpu');
  });

  it('ends in one list: where LibTorch was looked for, what was tried, what to do', () => {
    installPackage(inspectLibtorch(writeTree(temporaryFolder())));
    const error = addonError(plan());
    assert.equal(error.code, 'ERR_LIBTORCH_NOT_FOUND');
    const parts = [
      'Looked in:',
      'the cache',
      'Addons that were tried:',
      name,
      'What to do:',
      'libtorch install',
      'kappa build',
    ];
    const places = parts.map((text) => error.message.indexOf(text));
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
      error.message,
    );
    assert.ok(!places.includes(-1), error.message);
    fetched({ version: '2.13.0' });
    fs.rmSync(path.join(root, 'node_modules'), { recursive: true });
    assert.equal(addonError(plan()).code, 'ERR_ADDON');
  });

  it('refuses a LibTorch that is asked for and cannot be used, before anything else', () => {
    installPackage(fetched());
    assert.throws(() => plan({ LIBTORCH: '/nowhere' }), { code: 'ERR_LIBTORCH_NOT_FOUND' });
  });

  it('looks for the small addon in every package of the same version', () => {
    const addon = installPackage(undefined);
    const places = (): string[] => pixelsPlaces(readEnv({ KAPPA_CACHE: cache }), root);
    assert.equal(places().at(-1), pixelsBeside(addon));
    installPackage(undefined, '1.2.2');
    assert.ok(!places().includes(pixelsBeside(addon)));
  });
});

describe('trying an addon in another process', () => {
  const [choice] = planAddon().choices;

  it('finds nothing wrong with the one in use', function () {
    if (choice === undefined) this.skip(); // nothing is built
    assert.equal(failureOf(choice), undefined);
  });

  it('tells why another one does not load, and survives one that ends the process', function () {
    if (choice === undefined) this.skip();
    const libtorch = { ...choice.libtorch, root: '/nowhere' };
    if (process.platform !== 'win32')
      assert.match(
        failureOf({ ...choice, libtorch }) ?? '',
        /\/nowhere\/lib\/libtorch\S+: cannot open|no such file/,
      );
    const folder = writeFiles(temporaryFolder(), {
      'crash.js': `process.kill(process.pid, 'SIGKILL');`,
      'exit.js': 'process.exit(7);',
    });
    const ends = (file: string): string | undefined =>
      failureOf({ ...choice, addon: path.join(folder, file) });
    assert.match(ends('crash.js') ?? '', /ends the process that loads it \(by a signal\)/);
    assert.match(ends('exit.js') ?? '', /ends the process that loads it \(exit code 7\)/);
  });
});
