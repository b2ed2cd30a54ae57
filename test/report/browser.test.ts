import assert from 'node:assert/strict';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import type { Browser, Page } from 'playwright-core';

import { writeReport } from '../../lib/report/report';
import { startChromium } from '../support/chromium';
import { drawRun } from '../support/drawn-run';
import { groupsRecord, ijbRecord, megafaceRecord, verificationRecord } from '../support/evaluation-records';
import { temporaryFolder } from '../support/folder';

// What the pieces of code find that run in the page.
interface Canvas {
  readonly width: number;
  readonly height: number;
  toDataURL(): string;
  getContext(kind: '2d'): {
    getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray };
  };
}
declare const document: {
  readonly documentElement: { readonly scrollWidth: number };
  readonly activeElement: { readonly className: string; getAttribute(name: string): string | null } | null;
  querySelector(selector: string): { getBoundingClientRect(): { readonly width: number } } | null;
};
declare const window: { readonly innerWidth: number; dispatchEvent(event: Event): void };
declare function getComputedStyle(element: unknown): { getPropertyValue(name: string): string };

const PHONE = 390;
const DESKTOP = 1280;
/** Contrast that WCAG asks for: of text, and of what else is to be seen. */
const TEXT_CONTRAST = 4.5;
const GRAPHIC_CONTRAST = 3;

describe('the report in Chromium', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  const evil = '<img src=x onerror="document.title=1">';
  let browser: Browser;
  let one: string;
  let two: string;
  before(async function () {
    browser = await startChromium(this);
    const runs: string[] = [];
    for (const [i, name] of ['first', 'second'].entries()) {
      const model = { seed: i + 1, model: `${name}/checkpoints/step-00000400` };
      runs.push(
        await drawRun(path.join(folder, name), {
          sets: ['lfw', evil],
          records: [
            verificationRecord(model, 'lfw'),
            ijbRecord(model, 'ijbc'),
            megafaceRecord(model),
            groupsRecord(model),
          ],
        }),
      );
    }
    one = await writeReport([runs[0]!]);
    two = await writeReport(runs, path.join(folder, 'two.html'));
  });
  after(() => browser?.close());

  /** Opens a page, with whatever it complains about or asks the network for. */
  async function open(
    file: string,
    options: { width?: number; colorScheme?: 'light' | 'dark'; reducedMotion?: 'reduce' } = {},
  ): Promise<{ page: Page; complaints: string[] }> {
    const { width = DESKTOP, ...rest } = options;
    const page = await browser.newPage({ viewport: { width, height: 900 }, ...rest });
    const complaints: string[] = [];
    page.on('console', (message) => {
      // That canvases are read, as only these tests do, is told as a warning.
      const isOfTest = message.text().includes('willReadFrequently');
      if (['error', 'warning'].includes(message.type()) && !isOfTest) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    const own = pathToFileURL(file).href;
    page.on('request', (request) => {
      const url = request.url();
      if (url.split('#')[0] !== own && !url.startsWith('data:')) complaints.push(`asked for ${url}`);
    });
    await page.goto(own);
    return { page, complaints };
  }

  /** The charts whose canvas holds nothing, or next to nothing. */
  function emptyCharts(page: Page): Promise<string[]> {
    return page.$$eval('figure.chart', (figures) =>
      figures
        .filter((figure) => {
          const canvas = figure.querySelector('canvas');
          if (!canvas || canvas.width === 0 || canvas.height === 0) return true;
          const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
          const colours = new Set<number>();
          let painted = 0;
          for (let i = 0; i < data.length; i += 4)
            if (data[i + 3]! > 0) {
              painted++;
              // Grid and text are grey; a series is not.
              const [red, green, blue] = [data[i]!, data[i + 1]!, data[i + 2]!];
              if (Math.max(red, green, blue) - Math.min(red, green, blue) > 60)
                colours.add((red << 16) | (green << 8) | blue);
            }
          return painted < 500 || colours.size === 0;
        })
        .map(({ id }) => id),
    );
  }

  for (const width of [PHONE, DESKTOP])
    for (const colorScheme of ['light', 'dark'] as const)
      for (const which of ['one run', 'two runs'])
        it(`shows ${which} at ${width} pixels, ${colorScheme}: all charts, no complaint, nothing beyond the edge`, async () => {
          const { page, complaints } = await open(which === 'one run' ? one : two, { width, colorScheme });
          const count = await page.$$eval('figure.chart', ({ length }) => length);
          assert.ok(count >= 15, `${count} charts`);
          assert.deepEqual(await emptyCharts(page), []);
          const [inner, full] = await page.evaluate(() => [
            window.innerWidth,
            document.documentElement.scrollWidth,
          ]);
          assert.ok(full! <= inner!, `${full} pixels wide in ${inner}`);
          // Within the cards, too: what is wider lies in a box that scrolls.
          const wide = await page.$$eval(
            'main *:not(.scroll *, .hidden, .u-wrap *)',
            (elements, width) =>
              elements
                .filter((element) => element.getBoundingClientRect().right > width + 0.5)
                .map(({ tagName, className }) => `${tagName} ${className}`),
            width,
          );
          assert.deepEqual(wide, []);
          assert.deepEqual(complaints, []);
          assert.notEqual(await page.title(), '1');
          await page.close();
        });

  it('follows a change of the colour scheme, and of the width', async () => {
    const { page, complaints } = await open(one, { colorScheme: 'light' });
    const picture = (): Promise<string> =>
      page.$eval('#chart-loss canvas', (canvas) => (canvas as unknown as Canvas).toDataURL());
    const light = await picture();
    await page.emulateMedia({ colorScheme: 'dark' });
    for (let tries = 0; (await picture()) === light; tries++) {
      assert.ok(tries < 100, 'the chart is drawn anew');
      await page.waitForTimeout(20);
    }
    assert.deepEqual(await emptyCharts(page), []);
    await page.setViewportSize({ width: PHONE, height: 800 });
    await page.waitForFunction(
      (phone) => document.querySelector('#chart-loss canvas')!.getBoundingClientRect().width < phone,
      PHONE,
    );
    assert.deepEqual(await emptyCharts(page), []);
    assert.deepEqual(complaints, []);
    await page.close();
  });

  it('is walked through by keyboard: charts tell their values, buttons hide series, tables open', async () => {
    const { page } = await open(one, { reducedMotion: 'reduce' });
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.className), 'skip');
    await page.focus('#chart-accuracy .plot');
    const told = (): Promise<string | null> => page.textContent('#chart-accuracy [role=status]');
    assert.equal(await told(), '');
    await page.keyboard.press('ArrowRight');
    assert.match((await told())!, /^step 100: lfw 90%, .*88%$/);
    await page.keyboard.press('ArrowRight');
    assert.match((await told())!, /^step 200: lfw 91%/);
    await page.keyboard.press('End');
    assert.match((await told())!, /^step 400: lfw 93%/);
    await page.keyboard.press('ArrowLeft');
    assert.match((await told())!, /^step 300/);
    await page.keyboard.press('Home');
    assert.match((await told())!, /^step 100/);
    const shown = await page.textContent('#chart-accuracy .legend');
    assert.match(shown!, /lfw90%.*step 100/);
    await page.keyboard.press('Escape');
    assert.equal(await told(), '');

    // The next stop is the first series.
    await page.keyboard.press('Tab');
    const pressed = (): Promise<string | null | undefined> =>
      page.evaluate(() => document.activeElement?.getAttribute('aria-pressed'));
    assert.equal(await pressed(), 'true');
    const colours = (): Promise<number> =>
      page.$eval('#chart-accuracy canvas', (canvas) => {
        const { width, height } = canvas as unknown as Canvas;
        const { data } = (canvas as unknown as Canvas).getContext('2d')!.getImageData(0, 0, width, height);
        let blue = 0;
        for (let i = 0; i < data.length; i += 4)
          if (data[i + 3]! > 100 && data[i + 2]! - data[i]! > 100) blue++;
        return blue;
      });
    assert.ok((await colours()) > 50);
    await page.keyboard.press('Space');
    assert.equal(await pressed(), 'false');
    await page.waitForFunction(() => true);
    assert.equal(await colours(), 0, 'the hidden series is gone from the picture');
    await page.keyboard.press('Enter');
    assert.equal(await pressed(), 'true');

    await page.focus('#chart-accuracy summary');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#chart-accuracy details table');
    const rows = await page.$$eval('#chart-accuracy details tr', (rows) =>
      rows.map((row) => [...row.children].map(({ textContent }) => textContent)),
    );
    assert.deepEqual(rows[0], ['step', 'lfw', evil]);
    assert.deepEqual(rows[1], ['100', '90%', '88%']);
    assert.equal(rows.length, 5);
    await page.close();
  });

  it('names everything that can be reached by keyboard', async () => {
    const { page } = await open(two);
    const nameless = await page.$$eval('[tabindex="0"], button, a, summary', (elements) =>
      elements
        .filter((element) => !(element.getAttribute('aria-label') ?? element.textContent ?? '').trim())
        .map(({ outerHTML }) => outerHTML.slice(0, 80)),
    );
    assert.deepEqual(nameless, []);
    await page.close();
  });

  for (const colorScheme of ['light', 'dark'] as const)
    it(`can be told from its ground (${colorScheme})`, async () => {
      const { page } = await open(one, { colorScheme });
      const colours = await page.evaluate(() => {
        const style = getComputedStyle(document.documentElement);
        const names = [
          'page',
          'card',
          'text',
          'muted',
          'accent',
          ...Array.from({ length: 8 }, (_, i) => `c${i}`),
        ];
        return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
      });
      const light = (hex: string): number => {
        const [red, green, blue] = [1, 3, 5].map((at) => {
          const value = parseInt(hex.slice(at, at + 2), 16) / 255;
          return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
      };
      const contrast = (a: string, b: string): number => {
        const [low, high] = [light(colours[a]!), light(colours[b]!)].sort((x, y) => x - y);
        return (high! + 0.05) / (low! + 0.05);
      };
      for (const ground of ['page', 'card']) {
        for (const text of ['text', 'muted', 'accent'])
          assert.ok(
            contrast(text, ground) >= TEXT_CONTRAST,
            `${text} on ${ground}: ${contrast(text, ground)}`,
          );
        for (let i = 0; i < 8; i++)
          assert.ok(contrast(`c${i}`, ground) >= GRAPHIC_CONTRAST, `c${i} on ${ground}`);
      }
      await page.close();
    });

  it('prints light, with every chart', async () => {
    const { page, complaints } = await open(one, { colorScheme: 'dark' });
    await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
    assert.deepEqual(await emptyCharts(page), []);
    assert.equal(
      await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--card').trim()),
      '#ffffff',
    );
    const pdf = await page.pdf();
    assert.ok(pdf.length > 50_000);
    await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
    assert.notEqual(
      await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--card').trim()),
      '#ffffff',
    );
    assert.deepEqual(complaints, []);
    await page.close();
  });
});
