import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { createProgram } from '../../lib/cli/program';
import type { LaunchFlags } from '../../lib/distributed/launcher/settings';
import { launchSettings } from '../../lib/distributed/launcher/settings';
import { temporaryFolder, writeFile } from '../support/folder';

const root = path.join(__dirname, '..', '..');
const slurm = path.join(root, 'examples', 'slurm');

/** What the command line takes `kappa` with these arguments for, without running it. */
function commandOf(args: readonly string[]): { name: string; options: object; args: readonly string[] } {
  const program = createProgram(() => undefined);
  const seen: { name: string; options: object; args: readonly string[] }[] = [];
  const listen = (command: Command): void => {
    command.action((...given: unknown[]) => {
      const self = given.at(-1) as Command;
      seen.push({ name: self.name(), options: self.opts(), args: self.args });
    });
  };
  for (const command of program.commands) if (['train', 'launch'].includes(command.name())) listen(command);
  program.parse(args, { from: 'user' });
  assert.equal(seen.length, 1, args.join(' '));
  return seen[0]!;
}

/** What a script of sbatch runs on a job of two machines, with Slurm's programs replaced by ones that tell. */
function commandsOf(script: string, folder: string): string[][] {
  const programs = {
    srun: `while [ "\${1#--}" != "$1" ]; do shift; done; printf '%s\\n' "$@" '--end--'`,
    scontrol: `[ "$*" = "show hostnames gpu[1-2]" ] && printf 'gpu1\\ngpu2\\n'`,
  };
  for (const [name, text] of Object.entries(programs))
    chmodSync(writeFile(folder, name, `#!/bin/bash\n${text}\n`), 0o755);
  const env = {
    ...process.env,
    PATH: `${folder}:${process.env.PATH}`,
    ...{ SLURM_JOB_ID: '4711', SLURM_JOB_NODELIST: 'gpu[1-2]', SLURM_JOB_NUM_NODES: '2' },
  };
  const out = execFileSync('bash', [script], { env, encoding: 'utf8', cwd: folder });
  return out
    .split('--end--\n')
    .slice(0, -1)
    .map((text) => text.trim().split('\n'));
}

describe('the examples for clusters', function () {
  before(function () {
    if (process.platform === 'win32') this.skip(); // there is no bash
  });
  const folder = temporaryFolder();

  it('are scripts that bash reads', () => {
    const scripts = readdirSync(slurm);
    assert.deepEqual(scripts, ['launch.sbatch', 'srun.sbatch']);
    for (const script of scripts) {
      const { status, stderr } = spawnSync('bash', ['-n', path.join(slurm, script)], { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      assert.match(
        readFileSync(path.join(slurm, script), 'utf8'),
        /^#!\/bin\/bash\n(#.*\n)+#SBATCH --nodes=2\n/,
      );
    }
  });

  it('have srun start kappa train, or a launcher for each machine', () => {
    const [[npx, kappa, ...train] = []] = commandsOf(path.join(slurm, 'srun.sbatch'), folder);
    assert.deepEqual([npx, kappa], ['npx', 'kappa']);
    const direct = commandOf(train);
    assert.deepEqual([direct.name, direct.args], ['train', ['configs/ms1mv2_r100']]);
    const [[, , ...launch] = []] = commandsOf(path.join(slurm, 'launch.sbatch'), folder);
    const { name, options, args } = commandOf(launch);
    assert.deepEqual([name, args[0]], ['launch', 'configs/ms1mv2_r100']);
    assert.equal(commandOf(['train', ...args]).name, 'train');
    const { shows: _shows, ...settings } = launchSettings(options as LaunchFlags);
    assert.deepEqual(settings, {
      processes: 'gpu',
      nodes: { min: 2, max: 2 },
      meeting: { kind: 'elastic', host: 'gpu1', port: 14711 },
      runId: '4711',
      maxRestarts: 3,
      logFolder: 'logs/4711',
    });
  });

  it('have the pods of a PyTorchJob find each other', () => {
    const text = readFileSync(path.join(root, 'examples', 'kubernetes', 'pytorchjob.yaml'), 'utf8');
    interface Replica {
      replicas: number;
      template: { spec: { containers: { name: string; command: string[] }[] } };
    }
    const job = parse(text) as {
      kind: string;
      spec: { nprocPerNode: string; pytorchReplicaSpecs: Record<string, Replica> };
    };
    assert.equal(job.kind, 'PyTorchJob');
    const replicas = Object.entries(job.spec.pytorchReplicaSpecs);
    const pods = replicas.reduce((sum, [, replica]) => sum + replica.replicas, 0);
    replicas.forEach(([kind, replica], nodeRank) => {
      assert.deepEqual(kind, ['Master', 'Worker'][nodeRank]);
      const [container] = replica.template.spec.containers;
      // The operator looks for a container of this name.
      assert.equal(container?.name, 'pytorch');
      const [npx, kappa, ...line] = container.command;
      assert.deepEqual([npx, kappa], ['npx', 'kappa']);
      const { name, options, args } = commandOf(line);
      assert.deepEqual([name, args[0]], ['launch', 'configs/ms1mv2_r100']);
      assert.equal(commandOf(['train', ...args]).name, 'train');
      const { processes, nodes, meeting } = launchSettings(options as LaunchFlags, {
        PET_NNODES: String(pods),
        PET_NODE_RANK: String(nodeRank),
        PET_MASTER_ADDR: 'kappaface-master-0',
        PET_MASTER_PORT: '23456',
        PET_NPROC_PER_NODE: job.spec.nprocPerNode,
      });
      assert.deepEqual(
        { processes, nodes, meeting },
        {
          processes: 4,
          nodes: { min: 2, max: 2 },
          meeting: { kind: 'static', nodeRank, host: 'kappaface-master-0', port: 23456 },
        },
      );
    });
  });
});
