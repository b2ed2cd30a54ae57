'use strict';
// node scripts/dev/copy-page.js: copies what the page of a report is made of, and the compiler leaves alone, to dist/.
const fs = require('node:fs');
const path = require('node:path');
const { root } = require('../load');

const FOLDER = path.join('report', 'html', 'client');

/** @param root the repository, with lib/ and dist/ */
function copyPage(root) {
  const target = path.join(root, 'dist', FOLDER);
  fs.rmSync(target, { recursive: true, force: true });
  fs.cpSync(path.join(root, 'lib', FOLDER), target, { recursive: true });
}

module.exports = { copyPage };
if (require.main === module) copyPage(root);
