export { defineConfig, deriveConfig, type ConfigChanges } from './define';
export { findConfig, loadConfig } from './load';
export { applyOverrides } from './override';
export { formatConfig } from './print';
export { configSchema, type Config, type ResolvedConfig } from './schema';
export { resolveConfig } from './validate';
