import { mkdir, readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';

import { resolveSavedConfig } from '../config/saved';
import type { ResolvedConfig } from '../config/schema';
import { writeFileAtomically } from '../files/atomic-file';
import { KappaError, ioError } from '../errors';
import { fingerprintChanges, type Fingerprint } from '../data/fingerprint';
import { holdLock, lockHolder, lockedMessage, type HeldLock, type LockHolder } from '../files/lock';
import { changedFields } from './changed-fields';
import { CheckpointFolder } from './checkpoint';

const DATASET_FILE = 'dataset.json';
const LOCK_FILE = 'run.lock';
const LAUNCH_FILE = 'launch.json';
/** A lock of another machine that is not refreshed for so long is nobody's. */
const ABANDONED_MS = 30_000;

/** The folder of a run: config.json, metrics.jsonl, checkpoints/, result.json. */
export class RunFolder {
  readonly checkpoints: CheckpointFolder;

  private constructor(readonly root: string) {
    this.checkpoints = new CheckpointFolder(path.join(root, 'checkpoints'));
  }

  /**
   * Makes the folder of a new run: `output/name`, or `output/name-2` and so on where that is taken.
   *
   * @param launch what {@link ofLaunch} finds it by
   * @throws KappaError `ERR_IO`
   */
  static async create(config: ResolvedConfig, launch?: string): Promise<RunFolder> {
    try {
      await mkdir(config.output, { recursive: true });
      for (let attempt = 1; ; attempt++) {
        const root = path.join(config.output, attempt === 1 ? config.name : `${config.name}-${attempt}`);
        try {
          await mkdir(root);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
          throw error;
        }
        const folder = new RunFolder(root);
        await folder.writeJson('config.json', config);
        if (launch !== undefined) await folder.writeJson(LAUNCH_FILE, { id: launch });
        return folder;
      }
    } catch (error) {
      throw ioError(error, 'create a run in', config.output);
    }
  }

  /** The newest run of this name, if there is one. */
  static async newest(config: ResolvedConfig): Promise<RunFolder | undefined> {
    const names = await readdir(config.output).catch(() => [] as string[]);
    let newest: { root: string; number: number } | undefined;
    for (const name of names) {
      const suffix =
        name === config.name
          ? '1'
          : name.startsWith(`${config.name}-`)
            ? name.slice(config.name.length + 1)
            : '';
      const number = /^\d+$/.test(suffix) ? Number(suffix) : 0;
      const root = path.join(config.output, name);
      const isRun =
        number > 0 && (await stat(path.join(root, 'config.json')).catch(() => undefined)) !== undefined;
      if (isRun && number > (newest?.number ?? 0)) newest = { root, number };
    }
    return newest && new RunFolder(newest.root);
  }

  /** The run in a folder. */
  static at(root: string): RunFolder {
    return new RunFolder(root);
  }

  /** The run that a launch of several processes began, if it did. */
  static async ofLaunch(config: ResolvedConfig, launch: string): Promise<RunFolder | undefined> {
    const names = await readdir(config.output).catch(() => [] as string[]);
    for (const name of names) {
      const folder = new RunFolder(path.join(config.output, name));
      const found = (await folder.#readJson(LAUNCH_FILE).catch(() => undefined)) as
        { id?: string } | undefined;
      if (found?.id === launch) return folder;
    }
    return undefined;
  }

  /** The run that a checkpoint belongs to. */
  static ofCheckpoint(checkpoint: string): RunFolder {
    return new RunFolder(path.dirname(path.dirname(path.resolve(checkpoint))));
  }

  /** The config the run began with. @throws KappaError `ERR_CHECKPOINT` */
  async savedConfig(): Promise<ResolvedConfig> {
    const file = path.join(this.root, 'config.json');
    let saved: unknown;
    try {
      saved = JSON.parse(await readFile(file, 'utf8'));
    } catch (error) {
      throw new KappaError('ERR_CHECKPOINT', `${file} cannot be read: ${(error as Error).message}.`);
    }
    return resolveSavedConfig(saved, file);
  }

  /**
   * Compares a config with the one the run began with. Where the data lie does not count if the run has a fingerprint
   * of them, see {@link keepDataset}.
   *
   * @throws KappaError `ERR_CONFIG` naming every difference that a resumed run cannot have
   */
  async checkConfig(config: ResolvedConfig): Promise<void> {
    const before = await this.savedConfig();
    const byPlace = (await this.#readJson(DATASET_FILE)) === undefined;
    const changed = changedFields(before, config, byPlace);
    if (changed.length === 0) return;
    throw new KappaError(
      'ERR_CONFIG',
      [
        `The run ${this.root} cannot be resumed with this config:`,
        ...changed.map(({ field, was, is }) => `  ${field} was ${was} and is ${is}`),
        'Use the values it began with, or start a new run without --resume.',
      ].join('\n'),
    );
  }

  /**
   * Writes `dataset.json`, the fingerprint of what the run trains on; in a resumed run compares it.
   *
   * @param names the identity's name of each class, where there are names
   * @throws KappaError `ERR_CONFIG` if it is another set than the run began with, saying what differs, `ERR_CHECKPOINT`,
   *   `ERR_IO`
   */
  async keepDataset(
    fingerprint: Fingerprint,
    names: readonly (string | null)[] | undefined,
    write = true,
  ): Promise<void> {
    const saved = (await this.#readJson(DATASET_FILE)) as Fingerprint | undefined;
    if (saved === undefined) {
      if (write) await this.writeJson(DATASET_FILE, fingerprint);
      return;
    }
    const changes = fingerprintChanges(saved, fingerprint, names);
    if (changes.length === 0) return;
    throw new KappaError(
      'ERR_CONFIG',
      [
        `The run ${this.root} cannot be resumed with this data set, it is not the one it began with:`,
        ...changes.map((change) => `  ${change}`),
        `It began with ${saved.sources.map(({ name }) => name).join(', ')}, this is ${fingerprint.sources.map(({ name }) => name).join(', ')}. Use that set, wherever it lies now, or start a new run without --resume.`,
      ].join('\n'),
    );
  }

  /**
   * Writes `classes.json`, the identity's name of each class, where there are names; in a resumed run compares them.
   *
   * @throws KappaError `ERR_CONFIG` if the names are not those the run began with, `ERR_CHECKPOINT`, `ERR_IO`
   */
  async keepClassNames(names: readonly (string | null)[] | undefined, write = true): Promise<void> {
    const saved = await this.#readJson('classes.json');
    if (saved === undefined) {
      if (names && write) await this.writeJson('classes.json', names);
      return;
    }
    const was = Array.isArray(saved) ? (saved as unknown[]) : [];
    const is = names ?? [];
    const at = Array.from({ length: Math.max(was.length, is.length) }, (_, i) => i).find(
      (i) => was[i] !== is[i],
    );
    if (at === undefined) return;
    const name = (value: unknown) => (value === undefined ? 'none' : JSON.stringify(value));
    throw new KappaError(
      'ERR_CONFIG',
      `The run ${this.root} cannot be resumed with this data set: class ${at} was ${name(was[at])} and is ${name(is[at])} (${was.length} classes then, ${is.length} now; ${this.path('classes.json')}). Identities were added, taken away or renamed: use the set the run began with, or start a new run without --resume.`,
    );
  }

  /** What a file of the run holds; undefined where there is none. */
  async #readJson(name: string): Promise<unknown> {
    const file = this.path(name);
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw ioError(error, 'read', file);
    });
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new KappaError('ERR_CHECKPOINT', `${file} cannot be read: ${(error as Error).message}.`);
    }
  }

  /**
   * Takes the run for this process.
   *
   * @throws KappaError `ERR_LOCKED` naming the process that trains it
   */
  lock(say: (text: string) => void, signal?: AbortSignal): Promise<HeldLock> {
    const name = ({ pid, host, since }: LockHolder): string =>
      `process ${pid} on ${host}${since === undefined ? '' : ` (since ${since})`}`;
    return holdLock(this.path(LOCK_FILE), this.#title, {
      signal,
      abandonedMs: ABANDONED_MS,
      onWait: (holder) =>
        say(`${this.#title} was in use by ${name(holder)}: waiting to see whether it still is ...`),
      onTakeOver: (holder) => say(`${this.#title} was in use by ${name(holder)}, which is gone: taken over.`),
    });
  }

  /** @throws KappaError `ERR_LOCKED` where another process trains this run, as far as can be told at once */
  checkLock(): void {
    const holder = lockHolder(this.path(LOCK_FILE));
    if (holder) throw new KappaError('ERR_LOCKED', lockedMessage(this.#title, holder));
  }

  get #title(): string {
    return `The run ${this.root}`;
  }

  path(name: string): string {
    return path.join(this.root, name);
  }

  async writeJson(name: string, value: unknown): Promise<void> {
    await writeFileAtomically(this.path(name), async (file) => {
      await file.writeFile(`${JSON.stringify(value, undefined, 2)}\n`);
    });
  }
}
