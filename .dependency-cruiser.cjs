'use strict';
// lib/ is a house of floors: an import goes to the same floor or down, never up, and no files need each other in a
// circle. `npm run lint` holds the sources against this; imports of types count like others.

/**
 * The floors of lib/ from the roof to the ground: a file, a folder, or several of them on one floor. What lies in a
 * folder belongs to the floor that names it most closely. Inside `data` for instance, `data/loader` is a floor of its
 * own, and `data` are the files that no other floor names.
 */
const FLOORS = [
  'index.ts',

  ['cli/main.ts', 'cli/program.ts'],
  'cli/data',
  // They take the same flags of a model.
  ['cli/eval', 'cli/embed.ts', 'cli/compare.ts'],
  'cli/export',
  'cli/config',
  'cli/libtorch',
  // Commands that are one file, and what all commands share.
  'cli',

  'train',
  'train/export',

  'report',
  'report/html',
  'report/tensorboard',
  'report/pictures',
  'report/console',

  'run',
  'config',
  'head',
  'concentration',

  'eval',
  'eval/metrics',

  'optim',
  'pytorch',
  'nn',
  'io',
  'runtime',
  // Networks and heads are spread over processes, too.
  'distributed/launcher',
  'distributed',
  'tensor',
  'prepare',

  'synth',
  'synth/render',
  ['synth/plan.ts', 'synth/options.ts', 'synth/random.ts'],

  'data',
  'data/sources',
  'data/loader',
  'data/protocols',
  'data/layout',
  'data/lists',
  ['data/sample-reader.ts', 'data/sample-table.ts'],
  'data/recordio',
  'data/augment',
  'data/number-arrays.ts',

  'native',

  ['libtorch/index.ts', 'libtorch/doctor.ts'],
  'libtorch/addon',
  'libtorch',
  'libtorch/fetch',
  'libtorch/build',
  // What fetching and building share.
  [
    'libtorch/env.ts',
    'libtorch/inspect.ts',
    'libtorch/package-root.ts',
    'libtorch/platform.ts',
    'libtorch/process.ts',
    'libtorch/progress.ts',
    'libtorch/python.ts',
    'libtorch/versions.ts',
  ],

  'image',
  'pickle',
  'workers',
  'files',
  'options',

  'env.ts',
  'distributed-variables.ts',
  'lazy.ts',
  'processors.ts',
  'random.ts',
  'errors.ts',
].map((floor) => [floor].flat());

const places = FLOORS.flat();
const isFile = (place) => place.endsWith('.ts');
const escape = (text) => text.replace(/[.]/g, '\\.');

/** Matches the files of a place, without those that belong to a place inside it. */
function pattern(place) {
  if (isFile(place)) return `^lib/${escape(place)}$`;
  const inner = places
    .filter((other) => other.startsWith(`${place}/`))
    .map((other) => escape(other.slice(place.length + 1)) + (isFile(other) ? '$' : '/'));
  return `^lib/${escape(place)}/${inner.length > 0 ? `(?!${inner.join('|')})` : ''}`;
}

/** A rule for each floor but the roof: it imports nothing from above. */
const upward = FLOORS.map((floor, i) => ({
  name: `${floor[0]}-imports-nothing-from-above`,
  comment:
    `The floors of lib/ are listed in .dependency-cruiser.cjs; ${floor.join(', ')} may import what stands below it ` +
    'there. Move what is needed to the lowest floor that needs it, or hand it in as an argument.',
  severity: 'error',
  from: { path: floor.map(pattern) },
  to: { path: FLOORS.slice(0, i).flat().map(pattern) },
})).slice(1);

/** A rule for each floor: its files need each other in no circle. A circle over several floors goes up somewhere. */
const circles = FLOORS.map((floor) => floor.map(pattern)).map((path) => ({
  name: 'no-circles',
  comment:
    'Files need each other in a circle. Move what they share, often a type, to a file of its own that all of them import.',
  severity: 'error',
  from: { path },
  to: { circular: true, viaOnly: { path } },
}));

/** Nothing of lib/ escapes the rules above, whether it imports or is imported. */
const unlisted = { path: '^lib/', pathNot: places.map(pattern) };
const homeless = [
  { from: unlisted, to: {} },
  { from: {}, to: unlisted },
].map((where) => ({
  name: 'every-file-has-a-floor',
  comment:
    'No floor of .dependency-cruiser.cjs names this file of lib/: enter it, or its folder, in the list.',
  severity: 'error',
  ...where,
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...upward,
    ...circles,
    ...homeless,
    {
      name: 'lib-stands-alone',
      comment:
        'The package holds lib/ compiled, and of the rest of the repository only what it needs to run.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(bench|configs|examples|scripts|test)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
