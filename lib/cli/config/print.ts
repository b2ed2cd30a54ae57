import { loadConfig } from '../../config/load';
import { formatConfig } from '../../config/print';

/** `kappa config print`: prints a config with every default filled in, as YAML with doc lines or as JSON. */
export async function configPrintCommand(
  path: string,
  options: { set?: readonly string[]; json?: boolean } = {},
): Promise<void> {
  const config = await loadConfig(path, options.set);
  process.stdout.write(options.json ? `${JSON.stringify(config)}\n` : formatConfig(config));
}
