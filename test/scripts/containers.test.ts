import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { validate } from 'dockerfile-utils';

import { OTHER_NODES } from '../../scripts/dev/nodes';
import { runKappa } from '../support/run-kappa';

const root = path.join(__dirname, '..', '..');
const dockerfile = readFileSync(path.join(root, 'Dockerfile'), 'utf8');

interface DevContainer {
  image: string;
  onCreateCommand: string;
  postCreateCommand: string;
}

const devContainer = JSON.parse(
  readFileSync(path.join(root, '.devcontainer', 'devcontainer.json'), 'utf8'),
) as DevContainer;

const faults = (text: string) => validate(text).map(({ message }) => message);

describe('the containers', () => {
  it('are made by a Dockerfile without faults', () => {
    assert.deepEqual(faults(dockerfile), []);
    assert.deepEqual(faults(dockerfile.replace('WORKDIR', 'WORKFOLDER')), [
      'Unknown instruction: WORKFOLDER',
    ]);
  });

  it('run commands of kappa that there are, with flags that it has', () => {
    const lines = dockerfile.split('\n').filter((line) => line.startsWith('RUN '));
    const commands = [...lines.join('\n').matchAll(/\bkappa ([a-z][^&\n]*)/g)].map(([, text = '']) => text);
    assert.deepEqual(commands.map((text) => text.trim()).sort(), ['doctor', 'libtorch install --no-build']);
    for (const command of commands) {
      const words = command.trim().split(' ');
      const { code, stdout } = runKappa([...words.filter((word) => !word.startsWith('-')), '--help']);
      assert.equal(code, 0, command);
      for (const flag of words.filter((word) => word.startsWith('--')))
        assert.ok(stdout.includes(flag), flag);
    }
  });

  it('have a Node.js that is tested', () => {
    const [, inImage] = /^ARG NODE_VERSION=(\d+)$/m.exec(dockerfile) ?? [];
    const [, forDevelopment] = /:(\d+)-/.exec(devContainer.image) ?? [];
    for (const version of [inImage, forDevelopment])
      assert.ok(OTHER_NODES.some((one) => one === Number(version)));
  });

  it('for development get what a build needs', () => {
    for (const name of ['cmake', 'g++', 'python3-pip'])
      assert.ok(devContainer.onCreateCommand.split(' ').includes(name), name);
    assert.match(devContainer.postCreateCommand, /^npm install\b/);
  });
});
