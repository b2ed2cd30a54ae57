#!/usr/bin/env node
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`kappa needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

const main = path.join(__dirname, '..', 'dist', 'cli', 'main.js');
if (!fs.existsSync(main)) {
  console.error('kappa is not compiled yet. In a clone of the repository, run: npm install');
  process.exit(1);
}
require(main).main();
