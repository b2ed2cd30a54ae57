import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

import { blocksOf } from '../support/doc-blocks';

const root = path.join(__dirname, '../..');

/** What the pages speak of before a block begins; a block that makes a name of its own hides it. */
const SPOKEN_OF = `
import { readFile } from 'node:fs/promises';
import * as everything from 'kappaface';
declare global {
  const backbone: everything.IResNet;
  const embeddings: everything.Tensor;
  const labels: everything.Tensor;
  const sampleIndex: everything.Tensor;
  const images: everything.Tensor;
  const samplesPerClass: number[];
  const rank: number;
  const worldSize: number;
  const points: everything.Point[];
  const face: everything.RgbImage;
  const a: number[];
  const b: number[];
  const cosine: (a: number[], b: number[]) => number;
  const readFile: typeof import('node:fs/promises').readFile;
  const KappaFaceHead: typeof everything.KappaFaceHead;
  const embedImages: typeof everything.embedImages;
  const KappaError: typeof everything.KappaError;
}
void readFile;
`;

describe('code in the documentation', function () {
  this.timeout(120_000);

  it('is right by the types of the library', () => {
    const guide = readdirSync(path.join(root, 'docs', 'guide')).map((name) => `docs/guide/${name}`);
    const pages = [...guide, 'docs/reference/errors.md', 'docs/reference/config.md'];
    const blocks = pages.flatMap(blocksOf);
    assert.ok(blocks.length >= 12, `${blocks.length} blocks`);
    const files = new Map(
      blocks.map(({ code }, i) => [path.join(root, 'test', 'docs', `block-${i}.ts`), code]),
    );
    const spokenOf = path.join(root, 'test', 'docs', 'spoken-of.ts');
    const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), (name) =>
      ts.sys.readFile(name),
    ) as {
      config: object;
    };
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
    Object.assign(options, {
      module: ts.ModuleKind.ESNext,
      noImplicitAny: false,
      noUncheckedIndexedAccess: false,
    });
    const host = ts.createCompilerHost(options);
    const { getSourceFile, fileExists, readFile } = host;
    const held = (name: string): string | undefined =>
      name === spokenOf ? SPOKEN_OF : files.get(path.normalize(name));
    host.getSourceFile = (name, ...rest) => {
      const text = held(name);
      return text === undefined
        ? getSourceFile(name, ...rest)
        : ts.createSourceFile(name, text, ts.ScriptTarget.ES2023);
    };
    host.fileExists = (name) => held(name) !== undefined || fileExists(name);
    host.readFile = (name) => held(name) ?? readFile(name);
    const program = ts.createProgram([...files.keys(), spokenOf], options, host);
    const faults = [...files.keys(), spokenOf].flatMap((name, i) => {
      const source = program.getSourceFile(name)!;
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
        ({ messageText }) =>
          `${blocks[i]?.place ?? 'SPOKEN_OF'}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
      );
    });
    // What JSON.parse gives may be anything; JavaScript asks no more of it.
    assert.deepEqual(
      faults.filter((fault) => !fault.endsWith("does not exist on type 'unknown'.")),
      [],
    );
  });
});
