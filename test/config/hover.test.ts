import assert from 'node:assert/strict';
import path from 'node:path';
import ts from 'typescript';

const root = path.join(__dirname, '..', '..');

const text = `
import { defineConfig, IResNet, SGD } from 'kappaface';
export default defineConfig({
  name: 'hover',
  optimizer: { lr: 0.1 },
  head: { kind: 'kappaface', temperature: 0.4, concentration: { kind: 'memory', alpha: 0.9 } },
  train: { epochs: 24 },
});
export const arcface = defineConfig({ name: 'hover', head: { kind: 'arcface', margin: 0.5 } });
export const backbone = new IResNet({ widthMultiplier: 0.25 });
export const optimizer = new SGD(backbone.parameters(), { weightDecay: 5e-4 });
`;

// It exists in the editor alone.
const file = path.join(root, 'configs', 'hover.ts').split(path.sep).join('/');

/** An editor that has a config of this text open. */
function editor(): ts.LanguageService {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root);
  return ts.createLanguageService({
    getCompilationSettings: () => options,
    getCurrentDirectory: () => root,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    getScriptFileNames: () => [file],
    getScriptVersion: () => '1',
    getScriptSnapshot: (name) => {
      const content = name === file ? text : ts.sys.readFile(name);
      return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content);
    },
    fileExists: (name) => name === file || ts.sys.fileExists(name),
    readFile: (name) => (name === file ? text : ts.sys.readFile(name)),
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
  });
}

describe('hovering over an option in an editor', () => {
  const service = editor();

  /** What is shown over the first such text. */
  function hover(written: string): { doc: string; initial: string | undefined } {
    const info = service.getQuickInfoAtPosition(file, text.indexOf(written));
    const tag = info?.tags?.find(({ name }) => name === 'default');
    return {
      doc: ts.displayPartsToString(info?.documentation),
      initial: tag && ts.displayPartsToString(tag.text),
    };
  }

  it('shows its doc line and its default, in a config', () => {
    assert.deepEqual(service.getSemanticDiagnostics(file), []);
    assert.deepEqual(hover('lr: '), { doc: 'learning rate', initial: '0.1' });
    assert.deepEqual(hover('epochs: '), { doc: 'passes over the training set', initial: '20' });
    assert.deepEqual(hover('optimizer: '), { doc: 'how parameters move', initial: undefined });
  });

  it('shows that of the kind that is chosen', () => {
    assert.deepEqual(hover('temperature: '), {
      doc: 'T: how sharply concentration moves the margin',
      initial: '0.4',
    });
    assert.match(hover('alpha: ').doc, /^share of the new feature in the stored one/);
    assert.deepEqual(hover('margin: '), {
      doc: 'm: added to the angle of the target, in radians',
      initial: '0.5',
    });
  });

  it('shows the same in the constructors', () => {
    assert.match(hover('widthMultiplier: ').doc, /^scales the widths/);
    assert.equal(hover('weightDecay: ').initial, '0.0005');
  });
});
