import { existsSync } from 'node:fs';

import type { Browser } from 'playwright-core';

/** Where systems have it; `KAPPA_CHROMIUM` names another one. */
const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The program of Chromium; undefined where there is none. */
function chromiumPath(): string | undefined {
  const { KAPPA_CHROMIUM: named } = process.env;
  return named ?? places.find((place) => existsSync(place));
}

/** Starts Chromium; without one the suite is skipped, and says so. */
export async function startChromium(suite: Mocha.Context): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) {
    console.log('      skipped: no Chromium here (apt-get install chromium, or KAPPA_CHROMIUM=PATH)');
    suite.skip();
  }
  const { chromium } = await import('playwright-core');
  // Containers let root start it only without its sandbox.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}
