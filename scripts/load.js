'use strict';
const fs = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '..');

/** Whether this is a working copy of the repository, not an installed package. */
const isClone = fs.existsSync(path.join(root, 'lib', 'libtorch', 'index.ts'));

/**
 * Loads a part of kappaface: from its sources in a clone, where dist may be old or absent, else from dist.
 *
 * @param {string} name such as `libtorch/index`
 */
async function loadLib(name) {
  if (!isClone) return require(path.join(root, 'dist', name));
  const { createJiti } = require('jiti');
  return createJiti(__filename).import(path.join(root, 'lib', `${name}.ts`));
}

module.exports = { root, isClone, loadLib };
