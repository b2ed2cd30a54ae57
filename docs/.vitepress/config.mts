import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitepress';
import { home } from './home.mts';
import { linksOutside } from './links-outside.mts';
import { nav, sidebar } from './sidebar.mts';

const { description, version, repository } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { description: string; version: string; repository?: string | { url: string } };

/** Where the files beside docs/ can be read; nowhere as long as package.json names no repository. */
const repositoryUrl = (typeof repository === 'string' ? repository : repository?.url)
  ?.replace(/^git\+/, '')
  .replace(/\.git$/, '');

/** Anchors as GitHub makes them, so that links to headings lead there in both. */
function slugify(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .replace(/ /g, '-');
}

// The path that the site is served under: npm run docs -- --base /kappaface/
export default defineConfig({
  lang: 'en',
  title: 'kappaface',
  description,
  outDir: '../build/site',
  cacheDir: '../build/site-cache',
  markdown: {
    anchor: { slugify },
    config: (md) => md.use(linksOutside, { docs: new URL('..', import.meta.url), repositoryUrl }),
  },
  // What the search loads is one large file; it comes when somebody searches.
  vite: { build: { chunkSizeWarningLimit: 4000 } },
  transformHead: ({ siteData }) => [['link', { rel: 'icon', href: `${siteData.base}kappa.svg` }]],
  transformPageData: (page) => {
    if (page.relativePath === 'index.md') Object.assign(page.frontmatter, home);
    if (page.relativePath.startsWith('reference/')) page.frontmatter.pageClass = 'tables';
    if (page.relativePath.startsWith('reference/api/')) page.frontmatter.pageClass = 'tables api';
  },
  themeConfig: {
    logo: '/kappa.svg',
    nav: nav(version),
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: repositoryUrl ? [{ icon: 'github', link: repositoryUrl }] : [],
  },
});
