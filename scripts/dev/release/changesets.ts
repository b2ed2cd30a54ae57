// Changes that wait for a release: the files of .changeset/, and what they become in the changelog.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

/** The headings of Keep a Changelog, in its order. */
const HEADINGS = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'] as const;
type Heading = (typeof HEADINGS)[number];

type Bump = 'major' | 'minor' | 'patch';

const headingOf: Record<Bump, Heading> = { major: 'Changed', minor: 'Added', patch: 'Fixed' };

/** One change. */
export interface Changeset {
  readonly heading: Heading;
  /** Markdown. */
  readonly text: string;
}

/**
 * Reads a file of .changeset/: the package and the kind of its next version between lines of dashes, then what changed.
 * The text may begin with a heading and a colon (`Removed: ...`); else the kind of version tells where it belongs.
 *
 * @param name for messages
 * @throws where it is not such a file
 */
export function parseChangeset(content: string, name: string): Changeset {
  const [, front = '', body = ''] = /^---\n(.*?)\n---\n(.*)$/s.exec(content.replace(/\r\n/g, '\n')) ?? [];
  const bumps = parse(front) as Record<string, unknown> | null;
  const bump = bumps?.kappaface as Bump;
  if (!Object.hasOwn(headingOf, bump ?? ''))
    throw new Error(
      `${name}: expected "kappaface": major, minor or patch between lines of ---, got ${JSON.stringify(bumps)}.`,
    );
  const others = Object.keys(bumps ?? {}).filter((key) => key !== 'kappaface');
  if (others.length > 0)
    throw new Error(`${name} names ${others.join(', ')}: all packages follow the version of kappaface.`);
  const text = body.trim();
  if (text === '') throw new Error(`${name} does not say what changed.`);
  const chosen = HEADINGS.find((heading) => text.startsWith(`${heading}:`));
  return chosen === undefined
    ? { heading: headingOf[bump], text }
    : { heading: chosen, text: text.slice(chosen.length + 1).trim() };
}

/** The changes that wait, by name of their files. */
export function readChangesets(root: string): Changeset[] {
  const folder = path.join(root, '.changeset');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .sort()
    .map((name) => parseChangeset(readFileSync(path.join(folder, name), 'utf8'), `.changeset/${name}`));
}

/**
 * Gives what is under `[Unreleased]` a version, joined with the changes that waited.
 *
 * @param date as 2026-11-27
 * @throws where the changelog has no such section, or where nothing changed
 */
export function releaseChangelog(
  changelog: string,
  changes: readonly Changeset[],
  version: string,
  date: string,
): string {
  const [whole, before, unreleased, after] =
    /^(.*?\n)## \[Unreleased\]\n(.*?)((?:\n## \[|\n\[[^\]]+\]: ).*)?$/s.exec(changelog) ?? [];
  if (whole === undefined || before === undefined || unreleased === undefined)
    throw new Error('CHANGELOG.md has no section ## [Unreleased].');
  const sections = new Map<string, string[]>();
  for (const part of unreleased.split(/^### /m).slice(1)) {
    const end = part.indexOf('\n');
    const text = part.slice(end).trim();
    sections.set(part.slice(0, end < 0 ? undefined : end).trim(), text === '' ? [] : [text]);
  }
  for (const { heading, text } of changes)
    sections.set(heading, [...(sections.get(heading) ?? []), `- ${text.replace(/\n(?=.)/g, '\n  ')}`]);
  const order = [...new Set([...HEADINGS, ...sections.keys()])].filter((name) => sections.get(name)?.length);
  if (order.length === 0)
    throw new Error('There is nothing to release: no changeset, and an empty [Unreleased].');
  const text = order.map((name) => `### ${name}\n\n${sections.get(name)?.join('\n')}\n`).join('\n');
  return `${before}## [Unreleased]\n\n## [${version}] - ${date}\n\n${text}${after ?? ''}`;
}
