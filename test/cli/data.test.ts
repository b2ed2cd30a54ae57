import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runKappaEach } from '../support/run-kappa';
import { jpeg } from '../support/faces';

describe('kappa data', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kappa-cli-data-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string) => join(folder, name);

  it('packs, inspects, verifies, splits and unpacks', () => {
    for (let person = 0; person < 6; person++) {
      mkdirSync(at(`faces/p${person}`), { recursive: true });
      for (let i = 0; i < 3; i++) writeFileSync(at(`faces/p${person}/${i}.jpg`), jpeg(10 * person + i));
    }
    const results = runKappaEach([
      ['data', 'pack', at('faces'), at('packed'), '--workers', '0', '--json'],
      ['data', 'inspect', at('packed'), '--json', '--histogram', at('h.svg')],
      ['data', 'verify', at('packed'), '--workers', '0', '--json'],
      [
        'data',
        'split',
        at('packed'),
        at('split'),
        '--identities',
        '4',
        '--pairs',
        '8',
        '--folds',
        '2',
        '--json',
      ],
      ['data', 'unpack', at('split/heldout.bin'), at('pairs'), '--json'],
      [
        'data',
        'lfw',
        at('pairs'),
        at('pairs/pairs.txt'),
        at('again'),
        '--name',
        'x',
        '--workers',
        '1',
        '--json',
      ],
      ['data', 'pack', at('faces'), at('packed')],
    ]);
    const values = results.slice(0, -1).map(({ code, stdout, stderr }) => {
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout) as Record<string, unknown>;
    });
    const facts = [
      { images: 18, classes: 6, droppedClasses: [] },
      { kind: 'dataset', images: 18, histogramFile: at('h.svg') },
      { checked: 25, numBad: 0, problems: [] },
      { images: 6, classes: 2, pairs: 8, foldsDisjoint: true },
      { pairs: 8, written: 16 },
      { form: 'columns', pairs: 8, same: 4 },
    ];
    facts.forEach((expected, i) => {
      for (const [key, value] of Object.entries(expected))
        assert.deepEqual(values[i]![key], value, `${i}: ${key}`);
    });
    assert.ok(existsSync(at('h.svg')));
    assert.equal(results.at(-1)!.code, 1);
    assert.match(results.at(-1)!.stderr, /^error \[ERR_ARGUMENT\]: .*is there already/);

    truncateSync(at('packed/train.rec'), 20_000);
    const [bad] = runKappaEach([['data', 'verify', at('packed'), '--workers', '0', '--list', at('bad.txt')]]);
    assert.equal(bad!.code, 1);
    assert.match(
      bad!.stdout,
      /^25 records checked in .*: \d+ bad, [1-9]\d* problems of the whole\.\n.*bad\.txt\.\n$/,
    );
    assert.match(bad!.stderr, /truncated/);
  });

  it('explains every command with --help', () => {
    const commands = ['inspect', 'pack', 'unpack', 'verify', 'split', 'lfw', 'align', 'synth'];
    const results = runKappaEach(commands.map((command) => ['data', command, '--help']));
    commands.forEach((command, i) => {
      assert.equal(results[i]!.code, 0);
      assert.match(results[i]!.stdout, new RegExp(`^Usage: kappa data ${command} `));
    });
  });

  it('refuses a wrong command line with 2', () => {
    const cases: [string[], RegExp][] = [
      [['pack', 'x'], /missing required argument 'output'/],
      [['pack', 'x', 'y', '--crop', '1,2'], /Expected centre or left,top,side/],
      [['pack', 'x', 'y', '--format', 'gif'], /Allowed choices are jpeg, png, webp/],
      [['split', 'x', 'y', '--seed', '1.5'], /Expected a whole number/],
      [['lfw', 'x', 'y', 'z', '--protocol', 'pp'], /Allowed choices are fp, ff/],
      [['align', 'x', 'y', '--landmark', 'z'], /Did you mean --landmarks/],
    ];
    const results = runKappaEach(cases.map(([args]) => ['data', ...args]));
    cases.forEach(([args, message], i) => {
      assert.equal(results[i]!.code, 2, args.join(' '));
      assert.match(results[i]!.stderr, message);
    });
  });
});
