import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

import type { Browser, Page } from 'playwright-core';

import { startChromium } from '../support/chromium';
import { temporaryFolder } from '../support/folder';

// eslint-disable-next-line @typescript-eslint/no-require-imports
const { faultsOfSite } = require('../../scripts/dev/check-site') as {
  faultsOfSite(folder: string, base?: string): { pages: number; links: number; faults: string[] };
};

declare const document: { readonly documentElement: { readonly scrollWidth: number } };
declare const window: { readonly innerWidth: number };

const site = path.join(__dirname, '../../build/site');
const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
const looked = [
  '/',
  '/guide/from-insightface.html',
  '/guide/evaluation.html',
  '/reference/config.html',
  '/reference/cli.html',
  '/reference/api/',
  '/reference/api/classes/KappaFaceHead.html',
  '/reference/api/functions/evaluateMegaface.html',
];

describe('the check of the built site', () => {
  const folder = temporaryFolder();
  const write = (name: string, html: string): void => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), html);
  };

  it('finds missing pages and anchors, addresses outside the base, and what is fetched from elsewhere', () => {
    write(
      'index.html',
      [
        '<h1 id="a&amp;b"></h1><a href="/x/guide/one.html#there">',
        '<a class="c" href="/x/guide/">',
        '<a href="/x/guide/one.html#not">',
        '<a href="/elsewhere.html">',
        '<a href="https://example.org/">',
        '<script src="https://example.org/a.js"></script>',
        '<img alt="" src="/x/no.png">',
      ].join('\n'),
    );
    write('guide/one.html', '<p id="there"><a href="../index.html#a&amp;b"><a href="one.html">');
    write('a.css', '@import url("https://example.org/font.css")');
    const { pages, links, faults } = faultsOfSite(folder, '/x/');
    assert.deepEqual([pages, links], [2, 7]);
    assert.deepEqual(faults, [
      'index.html: fetches https://example.org/a.js',
      'index.html: /x/guide/: there is no guide/index.html',
      'index.html: /x/guide/one.html#not: guide/one.html has no such place',
      'index.html: /elsewhere.html: is not below /x/',
      'index.html: /x/no.png: there is no no.png',
      'a.css: fetches from elsewhere',
    ]);
  });
});

describe('the documentation site in Chromium', function () {
  this.timeout(120_000);
  let browser: Browser;
  let server: Server;
  let complaints: string[];
  before(async function () {
    if (!existsSync(path.join(site, 'index.html'))) {
      console.log('      skipped: the site is not built here (npm run docs)');
      this.skip();
    }
    browser = await startChromium(this);
    server = createServer(({ url = '/' }, response) => {
      const wanted = path.join(site, new URL(url, 'http://site').pathname);
      const file = wanted.endsWith('/') ? `${wanted}index.html` : wanted;
      if (!existsSync(file)) return response.writeHead(404).end();
      const type = types[path.extname(file)] ?? 'application/octet-stream';
      return response.writeHead(200, { 'content-type': type }).end(readFileSync(file));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(async () => {
    await browser?.close();
    server?.close();
  });

  /** Opens a page, with whatever it complains about or asks others for. */
  async function open(address: string, width: number, colorScheme: 'light' | 'dark'): Promise<Page> {
    const page = await browser.newPage({ viewport: { width, height: 844 }, colorScheme });
    const { port } = server.address() as AddressInfo;
    const own = `http://127.0.0.1:${port}`;
    complaints = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(own) && !request.url().startsWith('data:'))
        complaints.push(`asked for ${request.url()}`);
    });
    page.on('response', (response) => {
      if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
    });
    await page.goto(`${own}${address}`, { waitUntil: 'networkidle' });
    return page;
  }

  for (const [width, colorScheme] of [
    [390, 'dark'],
    [1280, 'light'],
  ] as const)
    for (const address of looked)
      it(`shows ${address} at ${width} pixels, ${colorScheme}: no complaint, nothing beyond the edge`, async () => {
        const page = await open(address, width, colorScheme);
        const [full, inner] = await page.evaluate(() => [
          document.documentElement.scrollWidth,
          window.innerWidth,
        ]);
        assert.ok(full! <= inner!, `${full} pixels wide`);
        assert.ok((await page.locator('h1').first().innerText()).length > 0);
        assert.deepEqual(complaints, []);
        await page.close();
      });

  for (const [text, target] of [
    ['KappaFaceHead', /\/reference\/api\/classes\/KappaFaceHead\.html/],
    ['ERR_LOCKED', /\/reference\/errors\.html/],
  ] as const)
    it(`finds ${text}`, async () => {
      const page = await open('/guide/getting-started.html', 1280, 'light');
      await page.locator('.DocSearch-Button').first().click();
      await page.locator('.search-input').fill(text);
      await page.locator('.results .result').first().waitFor();
      await page.locator('.results .result').first().click();
      await page.waitForURL(target);
      assert.deepEqual(complaints, []);
      await page.close();
    });
});
