import { mkdir, readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';

import { resolveSavedConfig } from '../config/saved';
import type { ResolvedConfig } from '../config/schema';
import { writeFileAtomically } from '../files/atomic-file';
import { KappaError, ioError } from '../errors';
import { CheckpointFolder } from './checkpoint';

/** Fields that decide what a step is: a run can only be resumed where they are the same. */
const fixedFields = [
  'seed',
  'data.root',
  'data.sources',
  'data.skipList',
  'data.synthetic',
  'data.shuffle',
  'data.blockSize',
  'data.windowBlocks',
  'data.flip',
  'data.augment',
  'data.imageSize',
  'backbone',
  'head.kind',
  'head.concentration',
  'head.precision',
  'head.sampleRate',
  'train.batchSize',
  'train.accumulate',
  'train.dropLast',
] as const;

function valueAt(config: unknown, field: string): unknown {
  return field
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key], config);
}

/** The folder of a run: config.json, metrics.jsonl, checkpoints/, result.json. */
export class RunFolder {
  readonly checkpoints: CheckpointFolder;

  private constructor(readonly root: string) {
    this.checkpoints = new CheckpointFolder(path.join(root, 'checkpoints'));
  }

  /**
   * Makes the folder of a new run: `output/name`, or `output/name-2` and so on where that is taken.
   *
   * @throws KappaError `ERR_IO`
   */
  static async create(config: ResolvedConfig): Promise<RunFolder> {
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
   * Compares a config with the one the run began with.
   *
   * @throws KappaError `ERR_CONFIG` naming every difference that a resumed run cannot have
   */
  async checkConfig(config: ResolvedConfig): Promise<void> {
    const before = await this.savedConfig();
    const text = (value: unknown): string => JSON.stringify(value) ?? 'undefined';
    const changed = fixedFields
      .map((field) => ({ field, was: text(valueAt(before, field)), is: text(valueAt(config, field)) }))
      .filter(({ was, is }) => was !== is);
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
   * Writes `classes.json`, the identity's name of each class, where there are names; in a resumed run compares them.
   *
   * @throws KappaError `ERR_CONFIG` if the names are not those the run began with, `ERR_CHECKPOINT`, `ERR_IO`
   */
  async keepClassNames(names: readonly (string | null)[] | undefined): Promise<void> {
    const file = this.path('classes.json');
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw ioError(error, 'read', file);
    });
    if (text === undefined) {
      if (names) await this.writeJson('classes.json', names);
      return;
    }
    let saved: unknown;
    try {
      saved = JSON.parse(text);
    } catch (error) {
      throw new KappaError('ERR_CHECKPOINT', `${file} cannot be read: ${(error as Error).message}.`);
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
      `The run ${this.root} cannot be resumed with this data set: class ${at} was ${name(was[at])} and is ${name(is[at])} (${was.length} classes then, ${is.length} now; ${file}). Identities were added, taken away or renamed: use the set the run began with, or start a new run without --resume.`,
    );
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
