'use strict';
// npm's install hook. It exists so that npm does not run node-gyp because of binding.gyp; it never fails.
const fs = require('node:fs');
const { isClone, loadLib } = require('./load');

async function main() {
  // In a clone npm runs `prepare` (scripts/dev/setup.js), which does everything.
  if (isClone) return;
  const { locateAddon } = await loadLib('libtorch/index');
  if (!locateAddon().some((file) => fs.existsSync(file)))
    console.log('kappaface: one step is left, it fetches LibTorch and builds: npx kappa libtorch install');
}

main().catch(() => undefined);
