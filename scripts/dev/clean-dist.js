'use strict';
// node scripts/dev/clean-dist.js [ROOT]: removes from dist/ what was compiled from a file that lib/ or configs/ has
// no longer. The compiler leaves such files where they are, and they would be packed with the package.
const fs = require('node:fs');
const path = require('node:path');

const COMPILED = /\.(js|js\.map|d\.ts)$/;

/** @param root the repository, with lib/, configs/ and dist/ */
function cleanDist(root) {
  const dist = path.join(root, 'dist');
  if (!fs.existsSync(dist)) return;
  for (const name of fs.readdirSync(dist, { recursive: true })) {
    const place = name.split(path.sep)[0] === 'configs' ? root : path.join(root, 'lib');
    const source = path.join(place, name.replace(COMPILED, '.ts'));
    if (COMPILED.test(name) && !fs.existsSync(source)) fs.rmSync(path.join(dist, name));
  }
  const folders = fs.readdirSync(dist, { recursive: true, withFileTypes: true });
  // The deepest come last in the list: they make their parents empty.
  for (const folder of folders.filter((entry) => entry.isDirectory()).reverse()) {
    const place = path.join(folder.parentPath, folder.name);
    if (fs.readdirSync(place).length === 0) fs.rmdirSync(place);
  }
}

module.exports = { cleanDist };
if (require.main === module) cleanDist(path.resolve(process.argv[2] ?? path.join(__dirname, '..', '..')));
