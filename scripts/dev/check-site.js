// What is wrong with a built site: links that lead nowhere, and files that a browser would fetch from elsewhere.
const { existsSync, readFileSync, readdirSync } = require('node:fs');
const path = require('node:path');

/** Elements whose address a browser opens by itself. */
const FETCHING = /<(?:script|img|link|source|iframe|video|audio)\b[^>]*?\s(?:src|href)="([^"]*)"/g;
const LINK = /<a\b[^>]*?\shref="([^"]*)"/g;

/**
 * Follows every link of a site's pages, and each address that they load.
 *
 * @param {string} folder the built site
 * @param {string} base the path that it is served under
 * @returns {{ pages: number, links: number, faults: string[] }}
 */
function faultsOfSite(folder, base = '/') {
  const files = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.html'));
  const pages = new Map(files.map((file) => [file, readPage(path.join(folder, file))]));
  const faults = [];
  let links = 0;
  for (const [file, page] of pages) {
    for (const address of page.fetched)
      if (/^(?:[a-z]+:)?\/\//i.test(address)) faults.push(`${file}: fetches ${address}`);
    for (const address of [...page.links, ...page.fetched]) {
      if (/^[a-z]+:|^\/\//i.test(address)) continue;
      links++;
      const fault = faultOfLink(folder, base, pages, file, address);
      if (fault) faults.push(`${file}: ${address}: ${fault}`);
    }
  }
  for (const file of readdirSync(folder, { recursive: true }))
    if (
      file.endsWith('.css') &&
      /url\(["']?(?:https?:)?\/\//.test(readFileSync(path.join(folder, file), 'utf8'))
    )
      faults.push(`${file}: fetches from elsewhere`);
  return { pages: pages.size, links, faults };
}

function readPage(file) {
  const html = readFileSync(file, 'utf8');
  const found = (pattern) =>
    [...html.matchAll(pattern)].map(([, address]) => address.replaceAll('&amp;', '&'));
  return { links: found(LINK), fetched: found(FETCHING), ids: new Set(found(/\sid="([^"]*)"/g)) };
}

function faultOfLink(folder, base, pages, file, address) {
  const { pathname, hash } = new URL(address, `http://site${base}${file.split(path.sep).join('/')}`);
  if (!pathname.startsWith(base)) return `is not below ${base}`;
  let target = decodeURI(pathname.slice(base.length));
  if (target === '' || target.endsWith('/')) target += 'index.html';
  if (!existsSync(path.join(folder, target))) return `there is no ${target}`;
  if (hash === '') return undefined;
  const page = pages.get(path.normalize(target));
  return page?.ids.has(decodeURIComponent(hash.slice(1))) ? undefined : `${target} has no such place`;
}

module.exports = { faultsOfSite };
