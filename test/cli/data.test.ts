import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runKappaEach } from '../support/run-kappa';
import { jpeg } from '../support/faces';

describe('kappa data', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kappa-cli-data-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string) => join(folder, name);

  it('packs, inspects, checks, splits and unpacks', () => {
    for (let person = 0; person < 6; person++) {
      mkdirSync(at(`faces/p${person}`), { recursive: true });
      for (let i = 0; i < 3; i++) writeFileSync(at(`faces/p${person}/${i}.jpg`), jpeg(10 * person + i));
    }
    const results = runKappaEach([
      ['data', 'pack', at('faces'), at('packed'), '--workers', '0', '--json'],
      ['data', 'inspect', at('packed'), '--json', '--histogram', at('h.svg')],
      ['data', 'check', at('packed'), '--workers', '0', '--json'],
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
        'pairs',
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
      assert.match(stdout, /^[^\n]+\n$/, 'one JSON value on one line');
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
    const [bad] = runKappaEach([['data', 'check', at('packed'), '--workers', '0', '--list', at('bad.txt')]]);
    assert.equal(bad!.code, 1);
    assert.match(
      bad!.stdout,
      /^25 records checked in .*: \d+ bad, [1-9]\d* problems of the whole\.\n.*bad\.txt\.\n$/,
    );
    assert.match(bad!.stderr, /truncated/);
  });

  it('explains every command with --help', () => {
    const commands = [
      'inspect',
      'pack',
      'unpack',
      'check',
      'split',
      'pairs',
      'align',
      'synth',
      'verify',
      'lfw',
    ];
    const results = runKappaEach(commands.map((command) => ['data', command, '--help']));
    commands.forEach((command, i) => {
      assert.equal(results[i]!.code, 0);
      assert.match(results[i]!.stdout, new RegExp(`^Usage: kappa data ${command} `));
    });
  });

  it('takes the old names of check and pairs, and says that they are deprecated', () => {
    const [help, check, verify, pairs, lfw, typo] = runKappaEach([
      ['data', '--help'],
      ['data', 'check', at('nowhere')],
      ['data', 'verify', at('nowhere')],
      ['data', 'pairs', at('nowhere'), at('no.txt'), at('none')],
      ['data', 'lfw', at('nowhere'), at('no.txt'), at('none')],
      ['data', 'verfy', at('nowhere')],
    ]);
    assert.match(help!.stdout, /^ {2}check /m);
    assert.match(help!.stdout, /^ {2}pairs /m);
    assert.doesNotMatch(help!.stdout, /^ {2}(verify|lfw)\b/m);
    assert.doesNotMatch(check!.stderr + pairs!.stderr, /deprecated/);
    for (const [old, now, words] of [
      [verify!, check!, 'kappa data verify is now kappa data check; the old name is deprecated'],
      [lfw!, pairs!, 'kappa data lfw is now kappa data pairs; the old name is deprecated'],
    ] as const) {
      const [first, ...rest] = old.stderr.split('\n');
      assert.ok(first!.startsWith(words), first);
      assert.deepEqual({ ...old, stderr: rest.join('\n') }, now);
    }
    assert.equal(typo!.code, 2);
  });

  it('draws the same synthetic set without worker threads, and tells what it drew', () => {
    const small = [
      '--identities',
      '3',
      '--max-images',
      '2',
      '--verification-identities',
      '2',
      '--pairs',
      '20',
    ];
    const drawn = runKappaEach([
      ['data', 'synth', at('none'), ...small, '--workers', '0', '--json'],
      ['data', 'synth', at('one'), ...small, '--workers', '1'],
      ['data', 'synth', '--sheet', at('sheet.png'), ...small],
    ]);
    for (const { code, stderr } of drawn) assert.deepEqual([code, stderr], [0, '']);
    const { identities, pairs, options } = JSON.parse(drawn[0]!.stdout) as Record<string, unknown>;
    assert.deepEqual([identities, pairs], [3, 20]);
    assert.equal((options as { maxImages: number }).maxImages, 2);
    assert.match(
      drawn[1]!.stdout,
      /^3 people with \d images in .*, 20 pairs of other people in .*synth\.bin, /,
    );
    assert.match(drawn[2]!.stdout, /^Contact sheet in .*sheet\.png\.\n$/);
    for (const file of ['train.rec', 'train.idx', 'property', 'synth.bin', 'identities.json'])
      assert.ok(readFileSync(at(`none/${file}`)).equals(readFileSync(at(`one/${file}`))), file);
  });

  it('refuses a wrong command line with 2', () => {
    const cases: [string[], RegExp][] = [
      [['pack', 'x'], /missing required argument 'output'/],
      [['pack', 'x', 'y', '--crop', '1,2'], /Expected centre or left,top,side/],
      [['pack', 'x', 'y', '--format', 'gif'], /Allowed choices are jpeg, png, webp/],
      [['split', 'x', 'y', '--seed', '1.5'], /Expected a whole number/],
      [['pairs', 'x', 'y', 'z', '--protocol', 'pp'], /Allowed choices are fp, ff/],
      [['align', 'x', 'y', '--landmark', 'z'], /Did you mean --landmarks/],
    ];
    const results = runKappaEach(cases.map(([args]) => ['data', ...args]));
    cases.forEach(([args, message], i) => {
      assert.equal(results[i]!.code, 2, args.join(' '));
      assert.match(results[i]!.stderr, message);
    });
  });
});
