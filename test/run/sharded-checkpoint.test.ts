import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { Tensor, openCheckpoint, resolveCheckpoint, scope, writeSafetensors } from '../../lib';
import { CheckpointFolder } from '../../lib/run/checkpoint';
import type { SaveOptions } from '../../lib/run/checkpoint';
import { stamp } from '../../lib/run/checkpoint-layout';
import type { CheckpointTensors, StateFile } from '../../lib/run/checkpoint-layout';
import type { Peers } from '../../lib/run/peers';
import { rejects } from '../support/assert';
import { temporaryFolder } from '../support/folder';
import { playedPeers, rowsOfRank } from '../support/played-peers';
import { leavesNoTensors } from '../support/tensors';

const CLASSES = 7;
const IMAGES = 11;
/** What is spread over the ranks, by group and tensor: rows of several types and forms, fewer than ranks too. */
const spread = {
  head: { centres: [CLASSES, 3], counts: [CLASSES], few: [2, 2] },
  memory: { buffer: [IMAGES, 2, 2], visited: [IMAGES] },
} as const;
const dtypes = { centres: 'float32', counts: 'int64', few: 'float64', buffer: 'bfloat16', visited: 'bool' };

type Numbers = Record<string, number[]>;

async function numbersOf(tensors: ReadonlyMap<string, Tensor>): Promise<Numbers> {
  const entries = [...tensors].map(async ([name, tensor]) => [name, await tensor.toArray()] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** Element i of a tensor is i (mod 2 for booleans), with something of the step in it. */
async function whole(shape: readonly number[], name: keyof typeof dtypes, step = 0): Promise<Tensor> {
  const size = shape.reduce((product, n) => product * n, 1);
  const isBool = dtypes[name] === 'bool';
  const values = Array.from({ length: size }, (_, i) => (isBool ? i % 2 : i + step));
  return (await Tensor.from(values, [...shape])).to(dtypes[name] as 'float32');
}

describe('checkpoints of several ranks', () => {
  const folder = temporaryFolder();
  let folders = 0;
  const checkpoints = (): CheckpointFolder => new CheckpointFolder(path.join(folder, String(folders++)));

  /** What a rank brings. */
  async function ofRank({ rank, worldSize }: Peers, step = 0): Promise<CheckpointTensors> {
    const rows = async (tensors: Record<string, readonly number[]>): Promise<Map<string, Tensor>> => {
      const map = new Map<string, Tensor>();
      for (const [name, shape] of Object.entries(tensors)) {
        const { first, count } = rowsOfRank(shape[0] ?? 0, rank, worldSize);
        const all = await whole(shape, name as keyof typeof dtypes, step);
        map.set(name, await all.slice(0, first, first + count).clone());
      }
      return map;
    };
    return {
      shared: {
        backbone: new Map([['weight', await Tensor.from([1 + step, 2, 3, 4])]]),
        optimizer: new Map([['velocity', await Tensor.from([5, 6, 7])]]),
      },
      own: { random: new Map([['cpu', await Tensor.from([rank, rank * rank])]]) },
      sharded: { head: await rows(spread.head), memory: await rows(spread.memory) },
    };
  }

  /** Saves by all ranks, and returns the folder that all of them name. */
  async function saveAll(
    target: CheckpointFolder,
    worldSize: number,
    step = 1,
    options: SaveOptions = {},
  ): Promise<string> {
    const saved = await scope(() =>
      Promise.all(
        playedPeers(worldSize).map(async (peers) =>
          target.save(step, await ofRank(peers, step), { by: peers.rank }, { ...options, peers }),
        ),
      ),
    );
    assert.equal(new Set(saved).size, 1);
    return saved[0] as string;
  }

  for (const [before, memory] of [
    [1, 1e9],
    [2, 0],
    [4, 1e9],
    [4, 40],
  ] as const)
    it(`written by ${before} are the same tensors at 1, 2, 3 and 4 (${memory} bytes for copies)`, () =>
      leavesNoTensors(async () => {
        const saved = await saveAll(checkpoints(), before, 1, { memory });
        const isSharded = before > 1;
        assert.deepEqual(
          readdirSync(saved).filter((name) => name.startsWith('head')),
          isSharded
            ? Array.from({ length: before }, (_, r) => `head-0000${r + 1}-of-0000${before}.safetensors`)
            : ['head.safetensors'],
        );
        await scope(async () => {
          const opened = await openCheckpoint<{ by: number }>(saved);
          assert.deepEqual(
            [opened.state.by, opened.worldSize, opened.version, opened.has('memory'), opened.has('none')],
            [0, before, 2, true, false],
          );
          assert.deepEqual(await numbersOf(await opened.tensors('backbone')), { weight: [2, 2, 3, 4] });
          for (const [group, tensors] of Object.entries(spread)) {
            const all: Record<string, Tensor> = {};
            for (const [name, shape] of Object.entries(tensors))
              all[name] = await whole(shape, name as keyof typeof dtypes, 1);
            const expected = await numbersOf(new Map(Object.entries(all)));
            for (const after of [1, 2, 3, 4]) {
              const parts = await Promise.all(
                Array.from({ length: after }, async (_, rank) =>
                  (await openCheckpoint(saved)).shardedTensors(group, (_name, rows) =>
                    rowsOfRank(rows, rank, after),
                  ),
                ),
              );
              for (const name of Object.keys(tensors)) {
                const pieces = parts.map((part) => part.get(name) as Tensor);
                const joined: number[] = [];
                for (const piece of pieces) {
                  assert.equal(piece.dtype, all[name]?.dtype);
                  assert.deepEqual(piece.shape.slice(1), all[name]?.shape.slice(1));
                  joined.push(...(await piece.toArray()));
                }
                assert.deepEqual(joined, expected[name], `${name} at ${after}`);
              }
            }
            assert.deepEqual(await numbersOf(await opened.tensors(group)), expected);
          }
          for (let rank = 0; rank < before; rank++)
            assert.deepEqual(
              await numbersOf((await opened.ownTensors('random', rank)) ?? new Map<string, Tensor>()),
              { cpu: [rank, rank * rank] },
            );
          assert.equal(await opened.ownTensors('random', before), undefined);
        });
      }));

  it('deal what they have in common among themselves', async () => {
    const target = checkpoints();
    const written: string[][] = [];
    await Promise.all(
      playedPeers(3).map(async (peers) => {
        const tensors = await ofRank(peers);
        // A rank that does not write a group is not asked for its tensors.
        const asked: string[] = [];
        for (const [group, map] of Object.entries(tensors.shared ?? {}))
          for (const tensor of map.values()) {
            const { handle } = tensor;
            Object.defineProperty(tensor, 'handle', { get: () => (asked.push(group), handle) });
          }
        await target.save(1, tensors, {}, { peers });
        written[peers.rank] = asked;
      }),
    );
    assert.deepEqual(written, [['backbone'], ['optimizer'], []]);
  });

  it('read only the files that have the rows, and find damage in those', async () => {
    const saved = await saveAll(checkpoints(), 4);
    const shard = (rank: number): string => path.join(saved, `head-0000${rank}-of-00004.safetensors`);
    truncateSync(shard(1), 50);
    rmSync(shard(2));
    const rows = (first: number, count: number) => async () => {
      // The tensor of two rows has them on ranks 2 and 4.
      const range = (name: string) => (name === 'few' ? { first: 1, count: 1 } : { first, count });
      return numbersOf(await (await openCheckpoint(saved)).shardedTensors('head', range));
    };
    // Seven classes: rank 1 has the first, rank 2 two, rank 3 two, rank 4 two.
    assert.deepEqual((await rows(4, 3)()).counts, [5, 6, 7]);
    await rejects(
      rows(0, 1)(),
      'ERR_CHECKPOINT',
      /head-00001-of-00004\.safetensors does not match its checks/,
    );
    await rejects(rows(2, 2)(), 'ERR_CHECKPOINT', /head-00002-of-00004\.safetensors is missing/);
    await rejects(rows(6, 2)(), 'ERR_ARGUMENT', /range of the 7 rows of centres.*"first":6/);
  });

  it('are refused where a file is that of another rank or step', async () => {
    const target = checkpoints();
    const [first, second] = [await saveAll(target, 2, 1), await saveAll(target, 2, 2)];
    const name = 'memory-00001-of-00002.safetensors';
    const load = async (): Promise<unknown> => (await openCheckpoint(second)).tensors('memory');
    for (const other of [
      path.join(first, 'memory-00001-of-00002.safetensors'),
      path.join(second, 'memory-00002-of-00002.safetensors'),
    ]) {
      copyFileSync(other, path.join(second, name));
      await rejects(load(), 'ERR_CHECKPOINT', /memory-00001-of-00002\.safetensors does not match/);
    }
    // With a checksum that was made true again.
    const file = path.join(second, 'state.json');
    const state = JSON.parse(readFileSync(file, 'utf8')) as StateFile<unknown>;
    state.files[name] = await stamp(path.join(second, name));
    writeFileSync(file, JSON.stringify(state));
    await rejects(load(), 'ERR_CHECKPOINT', /memory-00001.* does not have the 5 rows of buffer/);
    for (const shards of [null, { memory: { buffer: [5] } }, { memory: { buffer: [-1, 5] } }]) {
      writeFileSync(file, JSON.stringify({ ...state, shards }));
      await rejects(load(), 'ERR_CHECKPOINT', /state\.json does not tell/);
    }
  });

  it('are not made where one rank fails: all of them are told which, and those before stay', async () => {
    const target = checkpoints();
    await saveAll(target, 4, 1, { best: true });
    for (const memory of [0, 1e9]) {
      const tries = await Promise.allSettled(
        playedPeers(4).map(async (peers) => {
          const tensors = await ofRank(peers);
          if (peers.rank === 2) tensors.sharded?.memory?.get('visited')?.dispose();
          return target.save(2, tensors, {}, { peers, memory });
        }),
      );
      for (const [rank, outcome] of tries.entries()) {
        assert.equal(outcome.status, 'rejected');
        const { code, message } = outcome.reason as { code: string; message: string };
        assert.equal(code, 'ERR_DISPOSED', message);
        assert.match(message, /^Rank 2 of 4: This tensor of shape \[\d\] has been disposed/, `rank ${rank}`);
      }
      assert.deepEqual(readdirSync(target.root).sort(), ['best', 'last', 'step-00000001']);
    }
    const [, blocked] = [writeFileSync(path.join(folder, 'file'), ''), path.join(folder, 'file', 'x')];
    for (const { reason } of (await Promise.allSettled(
      playedPeers(2).map(async (peers) =>
        new CheckpointFolder(blocked).save(1, await ofRank(peers), {}, { peers }),
      ),
    )) as PromiseRejectedResult[])
      assert.match(String(reason), /Rank 0 of 2: Could not write the checkpoint .*not a folder/);
    const kept = await openCheckpoint(await resolveCheckpoint(target.root));
    assert.equal((await kept.tensors('head')).get('counts')?.size, CLASSES);
  });

  it('must not have two groups of one name', async () => {
    const tensors = new Map([['a', await Tensor.ones([1])]]);
    await rejects(
      checkpoints().save(1, { shared: { head: tensors }, sharded: { head: tensors } }, {}),
      'ERR_ARGUMENT',
      /Two groups of a checkpoint have the name head/,
    );
  });

  it('spread no scalars', async () => {
    const head = new Map([['count', await Tensor.ones([])]]);
    await rejects(checkpoints().save(1, { sharded: { head } }, {}), 'ERR_SHAPE', /count is a scalar/);
  });

  it('of version 1 are read as those of one rank', async () => {
    const old = path.join(folder, 'old');
    const target = new CheckpointFolder(old);
    const saved = await target.save(1, {}, { run: 1 });
    const tensors = { backbone: [4], head: [CLASSES, 2], random: [3] };
    const files: Record<string, unknown> = {};
    for (const [name, shape] of Object.entries(tensors)) {
      const file = path.join(saved, `${name}.safetensors`);
      await writeSafetensors(file, new Map([['w', await whole(shape, 'centres')]]));
      files[`${name}.safetensors`] = await stamp(file);
    }
    writeFileSync(path.join(saved, 'state.json'), JSON.stringify({ version: 1, files, state: { run: 1 } }));
    const opened = await openCheckpoint<{ run: number }>(await resolveCheckpoint(old));
    assert.deepEqual([opened.version, opened.worldSize, opened.state.run], [1, 1, 1]);
    assert.deepEqual(await numbersOf(await opened.tensors('backbone')), { w: [0, 1, 2, 3] });
    assert.deepEqual(
      await numbersOf(await opened.shardedTensors('head', (_name, rows) => rowsOfRank(rows, 1, 3))),
      { w: [4, 5, 6, 7] },
    );
    assert.deepEqual(await numbersOf((await opened.ownTensors('random', 0)) ?? new Map<string, Tensor>()), {
      w: [0, 1, 2],
    });
    assert.equal(await opened.ownTensors('random', 1), undefined);
  });
});
