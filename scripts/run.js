'use strict';
const { spawn } = require('node:child_process');

/**
 * Runs a program; its lines go to `onLine`, or straight to the terminal where that is absent.
 *
 * @returns {Promise<number>} exit code; 1 where a signal ended it or it could not be started
 */
function run(command, args, { cwd, env, onLine } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: env ?? process.env,
      stdio: ['ignore', onLine ? 'pipe' : 'inherit', onLine ? 'pipe' : 'inherit'],
    });
    for (const stream of onLine ? [child.stdout, child.stderr] : []) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (chunk) => {
        const lines = (rest + chunk).split(/\r?\n/);
        rest = lines.pop();
        lines.forEach((line) => onLine(line));
      });
      stream.on('end', () => rest && onLine(rest));
    }
    child.on('error', (error) => {
      (onLine ?? console.error)(`${command}: ${error.message}`);
      resolve(1);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}

module.exports = { run };
