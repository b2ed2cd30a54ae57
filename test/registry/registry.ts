// A registry of one's own: verdaccio, with a storage that is thrown away. What it has not is taken from the registry of
// npm's settings.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';

const START_SECONDS = 60;

/** A registry that runs. */
export interface Registry {
  readonly url: string;
  /** Ends it. */
  close(): Promise<void>;
}

/** How to start one. */
export interface RegistryOptions {
  /** The program `verdaccio`. */
  program: string;
  /** The Node.js that runs it. */
  node: string;
  /** An empty folder for settings, storage and log. */
  folder: string;
}

/** What npm is set to. */
function npmSetting(name: string): string | undefined {
  const value = execFileSync('npm', ['config', 'get', name], { encoding: 'utf8' }).trim();
  return ['', 'null', 'undefined'].includes(value) ? undefined : value;
}

/** Own packages are taken from here alone, all others from where npm takes them. */
function settings(): object {
  const own = { access: '$all', publish: '$all' };
  const proxy = npmSetting('https-proxy');
  const upstream = {
    url: npmSetting('registry'),
    maxage: '60m',
    timeout: '120s',
    ...(proxy && { https_proxy: proxy, http_proxy: proxy }),
  };
  return {
    storage: './storage',
    uplinks: { upstream },
    packages: { kappaface: own, '@kappaface/*': own, '**': { access: '$all', proxy: 'upstream' } },
    web: { enable: false },
    log: { type: 'stdout', format: 'pretty', level: 'warn' },
  };
}

/** A port that nobody listens at. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function waitUntilReady(url: string, child: ChildProcess, log: string): Promise<void> {
  const end = Date.now() + START_SECONDS * 1000;
  while (Date.now() < end && child.exitCode === null) {
    const answer = await fetch(`${url}-/ping`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(100);
  }
  throw new Error(`The registry did not start:\n${readFileSync(log, 'utf8')}`);
}

/** Starts a registry on a free port of this machine. */
export async function startRegistry({ program, node, folder }: RegistryOptions): Promise<Registry> {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'config.yaml');
  const log = path.join(folder, 'log');
  writeFileSync(file, stringify(settings()));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const output = openSync(log, 'w');
  const certificates = npmSetting('cafile');
  const child = spawn(node, [program, '--config', file, '--listen', `127.0.0.1:${port}`], {
    stdio: ['ignore', output, output],
    cwd: folder,
    env: { ...process.env, ...(certificates && { NODE_EXTRA_CA_CERTS: certificates }) },
  });
  closeSync(output);
  const ended = once(child, 'exit');
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const close = async () => {
    child.kill('SIGTERM');
    // It waits for connections that clients keep open.
    const timer = setTimeout(kill, 3000);
    await ended;
    clearTimeout(timer);
    process.removeListener('exit', kill);
  };
  try {
    await waitUntilReady(url, child, log);
  } catch (error) {
    await close();
    throw error;
  }
  return { url, close };
}
