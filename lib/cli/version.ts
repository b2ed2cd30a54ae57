import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes } from './exit-codes';
import { printJson, printText } from './output';

/** What a bug report begins with. Null is what is not there, or not known. */
interface Versions {
  kappaface: string;
  addon: { version: string; kind: string; name: string; config: string; napi: number } | null;
  libtorch: { version: string; variant: string; root: string } | null;
  /** Major version of the CUDA that the addon and its LibTorch need. */
  cuda: number | null;
  node: { version: string; napi: number };
}

/** The package's version; package.json is two folders above this file, in lib/ and in dist/ alike. */
export function packageVersion(): string {
  const text = readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/**
 * `kappa --version`: prints the versions of everything that takes part. Nothing is loaded to learn them: the addon would
 * be, and its LibTorch; what is not there is said, and is no error.
 */
export async function versionCommand({ json }: { json: boolean }): Promise<number> {
  const versions = await readVersions();
  if (json) printJson(versions);
  else printText(formatVersions(versions));
  return exitCodes.ok;
}

async function readVersions(): Promise<Versions> {
  const versions: Versions = {
    kappaface: packageVersion(),
    addon: null,
    libtorch: null,
    cuda: null,
    node: { version: process.versions.node, napi: Number(process.versions['napi']) },
  };
  const { planAddon } = await import('../libtorch/addon/plan');
  try {
    const { choices, search } = planAddon();
    const [choice] = choices;
    const libtorch = choice?.libtorch ?? search?.found;
    if (libtorch) {
      const { version, variant, root, cuda } = libtorch;
      versions.libtorch = { version, variant, root };
      versions.cuda = cuda ?? null;
    }
    if (choice?.metadata) {
      const { addonVersion, config, napiVersion } = choice.metadata;
      const { kind, name } = choice;
      versions.addon = { version: addonVersion, kind, name, config, napi: napiVersion };
    }
  } catch {
    // A LibTorch that is asked for cannot be used; kappa doctor tells why.
  }
  return versions;
}

function formatVersions({ kappaface, addon, libtorch, cuda, node }: Versions): string {
  const missing = 'none that can be used (npx kappa doctor says what to do)';
  return [
    `kappaface ${kappaface}`,
    `addon     ${addon ? `${addon.version}, ${addon.config}, Node-API ${addon.napi}, ${addon.kind}: ${addon.name}` : missing}`,
    `LibTorch  ${libtorch ? `${libtorch.version}, ${libtorch.variant}, in ${libtorch.root}` : missing}`,
    `CUDA      ${cuda ?? (libtorch?.variant === 'cuda' ? 'of unknown version' : 'none')}`,
    `Node.js   ${node.version}, Node-API ${node.napi}`,
  ].join('\n');
}
