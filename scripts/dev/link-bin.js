'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { root } = require('../load');

/** Writes a file or link aside and renames it, so that a second set-up never sees half of it. */
function replace(file, create) {
  const aside = `${file}.${process.pid}`;
  fs.rmSync(aside, { force: true });
  create(aside);
  fs.renameSync(aside, file);
}

/**
 * Makes `npx kappa` find this clone's command: npm links the commands of dependencies only, and npx would look
 * for a package of that name elsewhere.
 *
 * @returns {string} what was done
 */
function linkBin() {
  const target = path.join(root, 'bin', 'kappa.js');
  const folder = path.join(root, 'node_modules', '.bin');
  const link = path.join(folder, 'kappa');
  fs.mkdirSync(folder, { recursive: true });
  if (process.platform === 'win32') {
    replace(`${link}.cmd`, (file) => fs.writeFileSync(file, '@node "%~dp0\\..\\..\\bin\\kappa.js" %*\r\n'));
    replace(link, (file) =>
      fs.writeFileSync(file, '#!/bin/sh\nexec node "$(dirname "$0")/../../bin/kappa.js" "$@"\n'),
    );
    return 'linked';
  }
  fs.chmodSync(target, 0o755);
  const relative = path.relative(folder, target);
  try {
    if (fs.readlinkSync(link) === relative) return 'up to date';
  } catch {
    // Not there, or no link.
  }
  replace(link, (file) => fs.symlinkSync(relative, file));
  return 'linked';
}

module.exports = { linkBin };
