'use strict';
// node scripts/dev/compile-configs.js: compiles configs/ to dist/configs/, for `import base from 'kappaface/configs/base'`.
const fs = require('node:fs');
const path = require('node:path');
const ts = require('typescript');
const { root } = require('../load');

const DECLARATION = `import type { Config } from 'kappaface';
declare const config: Config;
export = config;
`;

/**
 * Makes the default export the module itself. Node gives `import` all of a CommonJS module for its default export, so
 * the config would be one `.default` further than the types say.
 */
function exportWhole() {
  return (file) => {
    const statements = file.statements.map((statement) =>
      ts.isExportAssignment(statement)
        ? ts.factory.createExportAssignment(undefined, true, statement.expression)
        : statement,
    );
    return ts.factory.updateSourceFile(file, statements);
  };
}

/** @param root the repository, with configs/ and dist/ */
function compileConfigs(root) {
  const [from, to] = [path.join(root, 'configs'), path.join(root, 'dist', 'configs')];
  fs.mkdirSync(to, { recursive: true });
  for (const name of fs.readdirSync(from)) {
    const { outputText } = ts.transpileModule(fs.readFileSync(path.join(from, name), 'utf8'), {
      fileName: name,
      compilerOptions: { target: 'ES2023', module: ts.ModuleKind.CommonJS, esModuleInterop: true },
      transformers: { before: [exportWhole] },
    });
    const target = path.join(to, path.basename(name, '.ts'));
    fs.writeFileSync(`${target}.js`, outputText);
    fs.writeFileSync(`${target}.d.ts`, DECLARATION);
  }
}

module.exports = { compileConfigs };
if (require.main === module) compileConfigs(root);
