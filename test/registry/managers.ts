// The package managers that users have, and what a project of each of them looks like.
import path from 'node:path';

/** A package manager: how it installs, and how it runs a command of what it installed. */
export interface PackageManager {
  readonly name: string;
  /** Its program, for Node.js; undefined: the npm that this machine has, under the Node.js that this machine has. */
  readonly program?: string;
  readonly install: readonly string[];
  /** Runs `kappa`. */
  readonly kappa: readonly string[];
  /** Runs `node` in the project. */
  readonly node: readonly string[];
  /** Settings, by file of the project. */
  settings(registry: string): Record<string, string>;
  /** What it must not print. */
  readonly complaint: RegExp;
}

const npm = {
  install: ['install', 'kappaface'],
  kappa: ['exec', '--', 'kappa'],
  node: ['exec', '--', 'node'],
  settings: (registry: string) => ({ '.npmrc': `registry=${registry}\n` }),
  complaint: /npm (error|warn)|blocked/i,
};

/** Yarn takes nothing that is younger than a day, unless it is told to. */
const yarn4 = (linker: 'node-modules' | 'pnp') => ({
  install: ['add', 'kappaface'],
  kappa: ['kappa'],
  node: ['node'],
  settings: (registry: string) => ({
    'yarn.lock': '',
    '.yarnrc.yml': [
      `npmRegistryServer: "${registry}"`,
      'unsafeHttpWhitelist: ["127.0.0.1"]',
      'npmPreapprovedPackages: ["kappaface", "@kappaface/*"]',
      `nodeLinker: ${linker}`,
      'enableTelemetry: false',
      '',
    ].join('\n'),
  }),
  complaint: /YN0004.*kappaface|Error:|YN0009/,
});

/** @param modules where test/registry/package.json is installed */
export function packageManagers(modules: string): PackageManager[] {
  const program = (name: string) => path.join(modules, name);
  return [
    { ...npm, name: 'npm' },
    { ...npm, name: 'npm 12', program: program('npm/bin/npm-cli.js') },
    {
      name: 'pnpm',
      program: program('pnpm/bin/pnpm.mjs'),
      install: ['add', 'kappaface'],
      kappa: ['exec', 'kappa'],
      node: ['exec', 'node'],
      settings: npm.settings,
      complaint: /ERR_PNPM|Ignored build scripts/,
    },
    {
      name: 'yarn 1',
      program: program('yarn/bin/yarn.js'),
      install: ['add', 'kappaface'],
      kappa: ['--silent', 'kappa'],
      node: ['--silent', 'node'],
      settings: npm.settings,
      complaint: /^(error|warning)/m,
    },
    { ...yarn4('node-modules'), name: 'yarn 4', program: program('@yarnpkg/cli-dist/bin/yarn.js') },
    { ...yarn4('pnp'), name: "yarn 4, Plug'n'Play", program: program('@yarnpkg/cli-dist/bin/yarn.js') },
  ];
}
