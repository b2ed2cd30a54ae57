import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MarkdownRenderer } from 'vitepress';

/**
 * Links of a page to files beside docs/, such as `../examples/toy.mjs`: GitHub finds them, a site has only docs/. They
 * lead to the repository where it is known; elsewhere their text stands without a link.
 *
 * @param docs the folder of the pages
 * @param repositoryUrl the repository, as browsers open it
 */
export function linksOutside(
  md: MarkdownRenderer,
  { docs, repositoryUrl }: { docs: URL; repositoryUrl: string | undefined },
): void {
  md.core.ruler.push('links_outside', ({ tokens, env }) => {
    const page = path.dirname((env as { path: string }).path);
    /** The file beside docs/ that a link leads to, relative to the repository. */
    const outside = (href: string): string | undefined => {
      if (!href.startsWith('.')) return undefined;
      const file = path.relative(fileURLToPath(docs), path.resolve(page, decodeURI(href)));
      return file.startsWith('..') ? file.split(path.sep).slice(1).join('/') : undefined;
    };
    for (const token of tokens) {
      let inside = false;
      token.children &&= token.children.filter((child) => {
        const wasInside = inside;
        if (child.type === 'link_close') inside = false;
        if (child.type !== 'link_open') return !(wasInside && child.type === 'link_close');
        const file = outside(child.attrGet('href') ?? '');
        if (file === undefined) return true;
        if (repositoryUrl) child.attrSet('href', `${repositoryUrl}/blob/HEAD/${file}`);
        inside = repositoryUrl === undefined;
        return !inside;
      });
    }
  });
}
