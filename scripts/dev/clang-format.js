'use strict';
// Formats the C++ and CUDA sources: node scripts/dev/clang-format.js [--check]
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { root } = require('../load');
const { run } = require('../run');

async function main() {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  const files = fs
    .readdirSync(path.join(root, 'native'), { recursive: true })
    .filter((name) => /\.(h|cc|cu|cuh)$/.test(name))
    .map((name) => path.join('native', name))
    .sort();
  if (files.length === 0) return;
  const program = require('clang-format').getNativeBinary();
  const mode = values.check ? ['--dry-run', '--Werror'] : ['-i'];
  process.exitCode = await run(program, [...mode, '--style=file', ...files], { cwd: root });
  if (values.check && process.exitCode !== 0)
    console.error('Some C++ sources are not formatted: npm run format');
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
