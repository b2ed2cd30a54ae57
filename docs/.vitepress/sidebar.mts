import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { DefaultTheme } from 'vitepress';

type Item = DefaultTheme.SidebarItem;

/** An entry with the title that the page gives itself. */
function page(path: string): Item {
  const text = readFileSync(new URL(`../${path}.md`, import.meta.url), 'utf8');
  return { text: /^# (.+)$/m.exec(text)![1], link: `/${path}` };
}

/** Entries of a folder; all of its pages must be entered somewhere. */
const entered = new Set<string>();
function pages(folder: string, names: string[]): Item[] {
  return names.map((name) => {
    entered.add(`${folder}/${name}.md`);
    return page(`${folder}/${name}`);
  });
}

/** The guide in the order in which it is read. */
const guide: Item[] = [
  { text: 'Start', items: pages('guide', ['getting-started', 'installing', 'from-insightface', 'libtorch']) },
  { text: 'Data', items: pages('guide', ['data-sets', 'data-tools', 'augmentation']) },
  { text: 'Train', items: pages('guide', ['kappaface', 'training', 'distributed']) },
  { text: 'Measure and use', items: pages('guide', ['evaluation', 'using-a-model']) },
];

const internals: Item[] = [
  { text: 'What is computed', items: pages('internals', ['head', 'step', 'loader', 'distributed']) },
  { text: 'On what', items: pages('internals', ['machine', 'gpu', 'performance', 'robustness']) },
];

/** The pages that TypeDoc made, by topic. */
function api(): Item[] {
  const file = new URL('../reference/api/typedoc-sidebar.json', import.meta.url);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Item[]) : [];
}

export function sidebar(): DefaultTheme.SidebarMulti {
  const reference = pages('reference', ['config', 'cli', 'errors', 'environment', 'files']);
  for (const folder of ['guide', 'reference', 'internals'])
    for (const name of readdirSync(new URL(`../${folder}`, import.meta.url)))
      if (name.endsWith('.md') && !entered.has(`${folder}/${name}`))
        throw new Error(`docs/${folder}/${name} is in no sidebar: enter it in docs/.vitepress/sidebar.mts.`);
  const names = { text: 'All names', link: '/reference/api/' };
  return {
    '/guide/': guide,
    '/reference/': [{ text: 'Reference', items: reference }],
    '/reference/api/': [{ text: 'API', items: [names, ...api()] }],
    '/internals/': internals,
  };
}

export function nav(version: string): DefaultTheme.NavItem[] {
  return [
    { text: 'Guide', link: '/guide/getting-started', activeMatch: '^/guide/' },
    { text: 'Reference', link: '/reference/config', activeMatch: '^/reference/(?!api/)' },
    { text: 'API', link: '/reference/api/', activeMatch: '^/reference/api/' },
    { text: 'Internals', link: '/internals/head', activeMatch: '^/internals/' },
    { text: version, link: '/' },
  ];
}
