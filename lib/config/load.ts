import { stat } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ioError, KappaError, messageOf } from '../errors';
import { readText } from '../files/text';
import { defineConfig, deriveConfig } from './define';
import { applyOverrides } from './override';
import { configError, received } from '../options/problem';
import type { ResolvedConfig } from './schema';
import { isSection, type Section } from '../options/fields';
import { resolveConfig } from './validate';
import { parseYaml } from './yaml';

const scriptExtensions = ['.ts', '.js', '.mjs', '.cjs'] as const;
const dataExtensions = ['.json', '.yaml', '.yml'] as const;
/** Far above what a config needs, far below what would keep a parser busy. */
const MAX_DATA_LENGTH = 1 << 16;
const extensions: readonly string[] = [...scriptExtensions, ...dataExtensions];

/** The package's own folder, two levels above this file in lib/ and in dist/ alike. */
const PACKAGE_FOLDER = resolve(__dirname, '..', '..');

/**
 * Loads a config, applies overrides and validates the whole.
 *
 * @param path a .ts, .js, .mjs, .cjs, .json, .yaml or .yml file, with or without its extension; relative to the
 *   working directory or, if it is not there, to the package, so that `configs/base` is found anywhere
 * @param overrides `path.to.option=value` texts, applied in order
 * @throws KappaError ERR_CONFIG if it is missing, cannot be read or is invalid; ERR_USAGE for a malformed override
 */
export async function loadConfig(path: string, overrides: readonly string[] = []): Promise<ResolvedConfig> {
  const file = await findConfig(path);
  const config = await readConfig(file);
  return resolveConfig(applyOverrides(config, overrides), file);
}

/**
 * Finds the file of a config.
 *
 * @param path as `loadConfig` takes it
 * @returns its absolute path
 * @throws KappaError ERR_CONFIG that lists where it was looked for
 */
export async function findConfig(path: string): Promise<string> {
  const bases = [resolve(path), resolve(PACKAGE_FOLDER, path), resolve(PACKAGE_FOLDER, 'configs', path)];
  const candidates = [...new Set(bases)].flatMap((base) =>
    extensions.includes(extname(base)) ? [base] : [...extensions.map((extension) => base + extension), base],
  );
  for (const candidate of candidates) if (await isFile(candidate)) return checkExtension(candidate);
  const searched = [...new Set(bases.map((base) => `  ${base}`))].join('\n');
  throw new KappaError(
    'ERR_CONFIG',
    `There is no config ${path}. Looked, with and without the extensions ${extensions.join(', ')}, at:\n${searched}`,
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

function checkExtension(file: string): string {
  if (extensions.includes(extname(file))) return file;
  throw new KappaError(
    'ERR_CONFIG',
    `The config ${file} has no known extension: expected one of ${extensions.join(', ')}.`,
  );
}

async function readConfig(file: string): Promise<Section> {
  const isScript = (scriptExtensions as readonly string[]).includes(extname(file));
  const written = isScript ? await runScript(file) : await parseData(file);
  const config = isSection(written) ? withoutSchema(written) : written;
  if (!isSection(config))
    throw configError(file, [
      { path: '', message: `expected an object with options, but received ${received(config)}.` },
    ]);
  return config;
}

/** A config without the `$schema` that editors go by. */
function withoutSchema({ $schema: _schema, ...config }: Section): Section {
  return config;
}

async function runScript(file: string): Promise<unknown> {
  const source = await readConfigText(file);
  const { createJiti } = await import('jiti');
  // Configs import defineConfig from 'kappaface'. They get it from here: describing a run needs no native addon.
  const jiti = createJiti(pathToFileURL(file).href, {
    fsCache: false,
    moduleCache: false,
    tryNative: false,
    interopDefault: false,
    virtualModules: { kappaface: { defineConfig, deriveConfig } },
    alias: { 'kappaface/configs': join(PACKAGE_FOLDER, 'configs') },
  });
  let module: unknown;
  try {
    // Evaluated from its text: an import would leave plain JavaScript to Node, which finds the installed package.
    module = await jiti.evalModule(source, { filename: file, async: true, forceTranspile: true });
  } catch (error) {
    const why = messageOf(error);
    throw new KappaError('ERR_CONFIG', `The config ${file} could not be run: ${why}`, { cause: error });
  }
  if (typeof module !== 'object' || module === null || !('__esModule' in module)) return module;
  const { default: config } = module as { default?: unknown };
  if (config !== undefined) return config;
  const message = 'expected the config as the default export: export default defineConfig({ ... })';
  throw configError(file, [{ path: '', message }]);
}

async function readConfigText(file: string): Promise<string> {
  try {
    return await readText(file, { expected: 'a config', code: 'ERR_CONFIG' });
  } catch (error) {
    throw ioError(error, 'read the config', file);
  }
}

async function parseData(file: string): Promise<unknown> {
  const text = await readConfigText(file);
  try {
    if (text.length > MAX_DATA_LENGTH) throw new Error(`it has ${text.length} characters, a config has few`);
    return extname(file) === '.json' ? JSON.parse(text) : parseYaml(text);
  } catch (error) {
    const why = messageOf(error);
    throw new KappaError('ERR_CONFIG', `The config ${file} cannot be read: ${why}`, { cause: error });
  }
}
