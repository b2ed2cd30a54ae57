'use strict';
// Builds the native addon: node scripts/build-native.js [--debug] [--sanitize] [--force] [--out FOLDER]
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { configureAndBuild } = require('./cmake');
const { loadLib, root } = require('./load');

/**
 * @param {{debug?: boolean, sanitize?: boolean, force?: boolean, out?: string}} options out: CMake's build folder
 * @returns {Promise<string>} path of the addon
 */
async function buildNative({ debug = false, sanitize = false, force = false, out: givenOut } = {}) {
  const lib = await loadLib('libtorch/index');
  const config = debug ? 'Debug' : 'Release';
  const libtorch = lib.findLibtorch();
  // Each kind of build has a tree of its own, so that switching between them rebuilds nothing.
  const tree = path.join(root, 'build', ...(sanitize ? ['Sanitize'] : []));
  const product = path.join(tree, config);
  const out = givenOut ? path.resolve(root, givenOut) : debug ? product : tree;
  const addon = path.join(product, 'kappaface.node');
  const kind = sanitize ? `${config}, sanitized` : config;
  const build = async () => {
    if (!force && lib.isUpToDate(addon, libtorch, kind)) {
      console.log(`${path.relative(root, addon)} is up to date.`);
      return addon;
    }
    await configureAndBuild({
      out,
      config,
      libtorch,
      jobs: lib.buildJobs(),
      options: {
        CMAKE_LIBRARY_OUTPUT_DIRECTORY: product,
        KAPPA_SANITIZE: sanitize ? 'address' : 'OFF',
      },
    });
    const pixels = lib.pixelsBeside(addon);
    for (const file of [addon, pixels])
      if (!fs.existsSync(file)) throw new Error(`CMake ended well but made no ${file}.`);
    // A sanitized addon loads only where the sanitizer's library was loaded first.
    const failure = sanitize ? undefined : lib.failureOf({ addon, pixels, libtorch });
    if (failure !== undefined) throw new Error(`${addon} was built but does not load: ${failure}`);
    lib.writeBuildMetadata(addon, libtorch, kind);
    return addon;
  };
  return lib.withLock(path.join(tree, '.build.lock'), build, {
    onWait: ({ pid }) => console.log(`Another build (process ${pid}) is running; waiting for it.`),
  });
}

async function main() {
  const { values } = parseArgs({
    options: {
      debug: { type: 'boolean' },
      sanitize: { type: 'boolean' },
      force: { type: 'boolean' },
      out: { type: 'string' },
    },
  });
  await buildNative(values);
}

if (require.main === module)
  main().catch((error) => {
    console.error(error.name === 'Error' ? error.message : `${error.code ?? error.name}: ${error.message}`);
    process.exitCode = 1;
  });

module.exports = { buildNative };
