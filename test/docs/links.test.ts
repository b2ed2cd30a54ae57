import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileHeadings, relativeLinks } from '../support/markdown';

const root = path.join(__dirname, '../..');
const passedOver = new Set(['node_modules', 'build', 'dist', 'runs', 'prebuilds']);
/** TypeDoc made it; the check of the built site follows its links. */
const madePages = path.join('docs', 'reference', 'api');

/** Every Markdown file of the repository, relative to it. */
function markdownFiles(folder = ''): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory())
      return entry.name.startsWith('.') || passedOver.has(entry.name) || name === madePages
        ? []
        : markdownFiles(name);
    return entry.name.endsWith('.md') ? [name] : [];
  });
}

/** What is wrong with a link of a file; nothing if it leads somewhere. */
function fault(file: string, link: string): string[] {
  const [target = '', anchor] = link.split('#');
  const place = target === '' ? file : path.join(path.dirname(file), decodeURI(target));
  const whole = path.join(root, place);
  if (!existsSync(whole)) return [`${file}: ${link}: there is no ${place}`];
  if (anchor === undefined) return [];
  return fileHeadings(readFileSync(whole, 'utf8')).has(anchor)
    ? []
    : [`${file}: ${link}: ${place} has no such heading`];
}

describe('links of the documentation', () => {
  const files = markdownFiles();

  it('lead to files and headings that exist', () => {
    assert.ok(files.includes('README.md') && files.includes(path.join('docs', 'index.md')), files.join());
    const links = files.flatMap((file) =>
      relativeLinks(readFileSync(path.join(root, file), 'utf8')).map((link) => ({ file, link })),
    );
    assert.ok(links.length > 100, `only ${links.length} links were found`);
    assert.deepEqual(
      links.flatMap(({ file, link }) => fault(file, link)),
      [],
    );
  });

  it('are seen in text and in tables, and not in code', () => {
    const text = [
      '# A `title`, and more',
      '[a](a.md) and ![b](images/b.png "b") [web](https://example.org/x.md) `[no](no.md)`',
      '',
      '```md',
      '[no](no.md)',
      '# no heading',
      '```',
      '| [c](../c.md#part_one) |',
      '# A title and more',
    ].join('\n');
    assert.deepEqual(relativeLinks(text), ['a.md', 'images/b.png', '../c.md#part_one']);
    assert.deepEqual([...fileHeadings(text)], ['a-title-and-more', 'a-title-and-more-1']);
  });

  it('reach every page of docs/ from its index', () => {
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file) || !file.endsWith('.md')) return;
      seen.add(file);
      for (const link of relativeLinks(readFileSync(path.join(root, file), 'utf8'))) {
        const [target = ''] = link.split('#');
        if (target !== '') visit(path.join(path.dirname(file), target));
      }
    };
    visit(path.join('docs', 'index.md'));
    assert.deepEqual(
      files.filter((file) => file.startsWith('docs') && !seen.has(file)),
      [],
    );
  });
});
