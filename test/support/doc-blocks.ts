import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.join(__dirname, '..', '..');

/** A block of code in the documentation. */
export interface Block {
  /** Page and line. */
  readonly place: string;
  /** As a module. */
  readonly code: string;
}

/** The blocks of JavaScript and TypeScript of a page, with the lines that they begin at. */
export function blocksOf(file: string): Block[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  return [...text.matchAll(/^( *)```(?:js|ts)\n([\s\S]*?)^\1```$/gm)].map(({ 0: whole, 2: code, index }) => ({
    place: `${file}:${text.slice(0, index + whole.indexOf('\n')).split('\n').length}`,
    code: asModule(code!),
  }));
}

/** A section of a config stands in a config; everything else is a module. */
function asModule(code: string): string {
  const isSection = /^\w+: [{[]/.test(code);
  const module = isSection
    ? `import { defineConfig } from 'kappaface'; export default defineConfig({ name: 'x',\n${code}});`
    : code;
  return `${module}\nexport {};`;
}

/** What a block sees and what it leaves behind. */
export interface BlockRun {
  /** The names that it finds there: those that it declares itself hide them. */
  readonly scope: Readonly<Record<string, unknown>>;
  /** Texts that stand for something else here: paths, addresses. */
  readonly instead: Readonly<Record<string, string>>;
  /** Modules by name. */
  readonly modules: Readonly<Record<string, unknown>>;
}

function namesIn(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isOmittedExpression(element) ? [] : namesIn(element.name)));
}

/** The names that a module declares with `const`. */
function declaredIn(code: string): string[] {
  const { statements } = ts.createSourceFile('block.ts', code, ts.ScriptTarget.ES2023);
  return statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => declarationList.declarations.flatMap(({ name }) => namesIn(name)));
}

/**
 * Runs a block.
 *
 * @returns what it declares, by name, and its default export as `default`
 */
export async function runBlock(
  { code, place }: Block,
  { scope, instead, modules }: BlockRun,
): Promise<Record<string, unknown>> {
  const here = Object.entries(instead).reduce((text, [from, to]) => text.replaceAll(from, to), code);
  const { outputText } = ts.transpileModule(here, {
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2023,
      esModuleInterop: true,
    },
  });
  const declared = declaredIn(here);
  const exported: { default?: unknown } = {};
  const requireHere = (name: string): unknown => {
    if (!(name in modules)) throw new Error(`${place} imports ${name}`);
    return modules[name];
  };
  const seen = Object.entries(scope).filter(([name]) => !['default', ...declared].includes(name));
  const parameters = ['require', 'exports', ...seen.map(([name]) => name)];
  const body = `${outputText}\nreturn { ${declared.join(', ')} };`;
  const AsyncFunction = runBlock.constructor as new (
    ...texts: string[]
  ) => (...values: unknown[]) => Promise<Record<string, unknown>>;
  const values = await new AsyncFunction(...parameters, body)(
    requireHere,
    exported,
    ...seen.map(([, value]) => value),
  );
  return { ...values, ...exported };
}
