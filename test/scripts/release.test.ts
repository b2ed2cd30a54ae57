import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { parseChangeset, readChangesets, releaseChangelog } from '../../scripts/dev/release/changesets';
import { alignVersions, versionProblems } from '../../scripts/dev/release/platform-packages';
import { temporaryFolder, writeFiles } from '../support/folder';

const root = path.join(__dirname, '..', '..');

const changeset = (bump: string, text: string) => `---\n"kappaface": ${bump}\n---\n\n${text}\n`;

const CHANGELOG = `# Changelog

Its format.

## [Unreleased]

### Changed

- Written by hand.

## [0.1.0] - 2026-01-02

### Added

- The first.
`;

describe('a release', () => {
  it('reads what waits in .changeset/: kind and text, or a heading of its own', () => {
    const read = (bump: string, text: string) => parseChangeset(changeset(bump, text), 'a.md');
    assert.deepEqual(read('minor', 'A command.'), { heading: 'Added', text: 'A command.' });
    assert.deepEqual(read('patch', 'A crash.'), { heading: 'Fixed', text: 'A crash.' });
    assert.deepEqual(read('major', 'A name.'), { heading: 'Changed', text: 'A name.' });
    assert.deepEqual(read('minor', 'Removed: an option.'), { heading: 'Removed', text: 'an option.' });
    assert.deepEqual(parseChangeset(changeset('minor', 'Windows.').replace(/\n/g, '\r\n'), 'a.md'), {
      heading: 'Added',
      text: 'Windows.',
    });
  });

  it('refuses a change without kind, of other packages, or without a text, and names its file', () => {
    const refused = (content: string, reason: RegExp) =>
      assert.throws(() => parseChangeset(content, 'odd.md'), reason);
    refused('Only text.', /^Error: odd\.md: expected "kappaface": major, minor or patch .* got null/);
    refused(changeset('huge', 'x'), /odd\.md: expected .* got \{"kappaface":"huge"\}/);
    refused(changeset('toString', 'x'), /odd\.md: expected/);
    refused(changeset('minor\n"@kappaface/linux-x64-cpu": minor', 'x'), /odd\.md names @kappaface\/linux/);
    refused(changeset('minor', ' '), /odd\.md does not say what changed/);
  });

  it('gives what is unreleased a version and a date, in the order of Keep a Changelog', () => {
    const changes = [
      { heading: 'Fixed', text: 'A crash.' },
      { heading: 'Added', text: 'A command,\nof two lines.' },
      { heading: 'Changed', text: 'A default.' },
    ] as const;
    assert.equal(
      releaseChangelog(CHANGELOG, changes, '0.2.0', '2026-11-27'),
      `# Changelog

Its format.

## [Unreleased]

## [0.2.0] - 2026-11-27

### Added

- A command,
  of two lines.

### Changed

- Written by hand.
- A default.

### Fixed

- A crash.

## [0.1.0] - 2026-01-02

### Added

- The first.
`,
    );
  });

  it('releases once what is unreleased, and nothing from nothing', () => {
    const first = releaseChangelog(CHANGELOG, [], '0.2.0', '2026-11-27');
    assert.match(
      first,
      /## \[Unreleased\]\n\n## \[0\.2\.0\] - 2026-11-27\n\n### Changed\n\n- Written by hand\.\n/,
    );
    assert.throws(() => releaseChangelog(first, [], '0.3.0', '2026-12-01'), /nothing to release/);
    assert.throws(() => releaseChangelog('# Changelog\n', [], '0.2.0', '2026-11-27'), /no section/);
  });

  it('knows the changelog and the waiting changes of this repository', () => {
    const changes = [...readChangesets(root), { heading: 'Added', text: 'A thing.' } as const];
    const before = readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8');
    const after = releaseChangelog(before, changes, '99.0.0', '2099-01-01');
    assert.match(after, /\n## \[Unreleased\]\n\n## \[99\.0\.0\] - 2099-01-01\n\n### Added\n/);
    assert.ok(after.includes('- A thing.\n'));
    // What was there is there.
    for (const line of before.split('\n')) assert.ok(after.includes(line), line);
  });
});

describe('the packages of platforms', () => {
  const manifest = (name: string, version: string, more: object = {}) =>
    JSON.stringify({ name, version, ...more });

  it('are of the version of kappaface', () => {
    assert.deepEqual(versionProblems(root), []);
  });

  it('are told of where they are not, and brought into line, with the lock file', () => {
    const folder = writeFiles(temporaryFolder(), {
      'package.json': manifest('kappaface', '0.2.0', { scripts: {} }),
      'npm/linux-x64-cpu/package.json': manifest('@kappaface/linux-x64-cpu', '0.1.0', { os: ['linux'] }),
      'npm/linux-x64-cu130/package.json': manifest('@kappaface/linux-x64-cu130', '0.2.0'),
      'package-lock.json': JSON.stringify({
        name: 'kappaface',
        version: '0.1.0',
        packages: { '': { name: 'kappaface', version: '0.1.0' }, 'node_modules/other': { version: '1.0.0' } },
      }),
    });
    assert.deepEqual(versionProblems(folder), [
      'npm/linux-x64-cpu/package.json has 0.1.0, package.json 0.2.0',
    ]);
    alignVersions(folder);
    assert.deepEqual(versionProblems(folder), []);
    const read = (name: string) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as unknown;
    assert.deepEqual(read('npm/linux-x64-cpu/package.json'), {
      name: '@kappaface/linux-x64-cpu',
      version: '0.2.0',
      os: ['linux'],
    });
    assert.deepEqual(read('package-lock.json'), {
      name: 'kappaface',
      version: '0.2.0',
      packages: { '': { name: 'kappaface', version: '0.2.0' }, 'node_modules/other': { version: '1.0.0' } },
    });
  });
});
