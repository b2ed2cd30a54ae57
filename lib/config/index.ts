export { defineConfig, deriveConfig } from './define';
export { configJsonSchema } from './json-schema';
export { findConfig, loadConfig } from './load';
export { applyOverrides } from './override';
export { formatConfig } from './print';
export type { Config } from './config';
export type { ResolvedConfig } from './schema';
export { resolveConfig } from './validate';
