import { access, readFile, stat } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ioError, KappaError } from '../errors';
import { defineConfig, deriveConfig } from './define';
import { applyOverrides } from './override';
import { configError, received } from './problem';
import type { ResolvedConfig } from './schema';
import { isSection, type Section } from './structure';
import { resolveConfig } from './validate';

const scriptExtensions = ['.ts', '.js', '.mjs', '.cjs'] as const;
const dataExtensions = ['.json', '.yaml', '.yml'] as const;
const extensions: readonly string[] = [...scriptExtensions, ...dataExtensions];

/** The package's own folder, two levels above this file in lib/ and in dist/ alike. */
const packageFolder = resolve(__dirname, '..', '..');

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
  const bases = [resolve(path), resolve(packageFolder, path), resolve(packageFolder, 'configs', path)];
  const candidates = [...new Set(bases)].flatMap((base) =>
    extensions.includes(extname(base)) ? [base] : [base, ...extensions.map((extension) => base + extension)],
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
  try {
    await access(file);
  } catch (error) {
    throw ioError(error, 'read the config', file);
  }
  const isScript = (scriptExtensions as readonly string[]).includes(extname(file));
  const config = isScript ? await runScript(file) : await parseData(file);
  if (!isSection(config))
    throw configError(file, [
      { path: '', message: `expected an object with options, but received ${received(config)}.` },
    ]);
  return config;
}

async function runScript(file: string): Promise<unknown> {
  const { createJiti } = await import('jiti');
  // Configs import defineConfig from 'kappaface'. They get it from here: describing a run needs no native addon.
  const jiti = createJiti(pathToFileURL(join(dirname(file), '/')).href, {
    fsCache: false,
    moduleCache: false,
    virtualModules: { kappaface: { defineConfig, deriveConfig } },
    alias: { 'kappaface/configs': join(packageFolder, 'configs') },
  });
  let module: unknown;
  try {
    module = await jiti.import(file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new KappaError('ERR_CONFIG', `The config ${file} could not be run: ${why}`, { cause: error });
  }
  const exported = (module as { default?: unknown } | null)?.default;
  if (exported === undefined)
    throw configError(file, [
      {
        path: '',
        message: 'expected the config as the default export: export default defineConfig({ ... })',
      },
    ]);
  return exported;
}

async function parseData(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw ioError(error, 'read the config', file);
  }
  try {
    if (extname(file) === '.json') return JSON.parse(text);
    const { parse } = await import('yaml');
    return parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new KappaError('ERR_CONFIG', `The config ${file} cannot be read: ${why}`, { cause: error });
  }
}
