'use strict';
// What ts-node makes JavaScript of the sources with (tsconfig.json names it): TypeScript, once for each file, kept in
// build/transpiled. Tests start hundreds of processes that load the library from its sources, and each spent 2 to 5
// seconds of a core on it.
const { createHash, randomUUID } = require('node:crypto');
const { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..', '..');

function hashOf(...texts) {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${Buffer.byteLength(text)} ${text}`);
  return hash.digest('hex');
}

// What was kept, if it is of the same source.
function readKept(file, key) {
  try {
    const kept = JSON.parse(readFileSync(file, 'utf8'));
    return kept.key === key ? kept.result : undefined;
  } catch {
    return undefined;
  }
}

// Other processes may read or write the same file meanwhile. Where it cannot be written, the next process transpiles again.
function keep(file, key, result) {
  const partial = `${file}.${randomUUID()}`;
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(partial, JSON.stringify({ key, result }));
    renameSync(partial, file);
  } catch {
    rmSync(partial, { force: true });
  }
}

module.exports.create = ({ service, folder = path.join(root, 'build', 'transpiled') }) => {
  // ts-node has loaded the same.
  const ts = require('typescript');
  const compilerOptions = service.config.options;
  const settings = JSON.stringify([ts.version, compilerOptions]);
  return {
    transpile(code, { fileName }) {
      const file = path.join(folder, `${hashOf(fileName, `${compilerOptions.module}`).slice(0, 32)}.json`);
      const key = hashOf(settings, code);
      const kept = readKept(file, key);
      if (kept) return kept;
      const { outputText, sourceMapText, diagnostics } = ts.transpileModule(code, {
        fileName,
        compilerOptions,
        reportDiagnostics: true,
      });
      if (diagnostics.length > 0) return { outputText, sourceMapText, diagnostics };
      keep(file, key, { outputText, sourceMapText });
      return { outputText, sourceMapText };
    },
  };
};
