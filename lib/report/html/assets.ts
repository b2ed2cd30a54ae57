import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** What the page brings with it. */
export interface Assets {
  readonly style: string;
  readonly script: string;
  /** The licence of the library that draws the charts, as it demands. */
  readonly licence: string;
}

const resolve = createRequire(__filename);

/** The files of client/, in the order in which they are put together. */
const styles = ['page', 'chart', 'media'];
const scripts = ['page', 'format', 'plot', 'view', 'main'];

/** Reads styles and scripts from the packages they belong to. */
export function readAssets(): Assets {
  const library = path.join(path.dirname(resolve.resolve('uplot')), '..');
  const read = (...parts: string[]): string => readFileSync(path.join(...parts), 'utf8');
  const own = (name: string): string => read(__dirname, 'client', name);
  const licence = read(library, 'LICENSE');
  return {
    licence,
    style: [read(library, 'dist', 'uPlot.min.css'), ...styles.map((name) => own(`${name}.css`))].join('\n'),
    script: [
      `/*\nuPlot\n${licence.replaceAll('*/', '* /')}*/`,
      read(library, 'dist', 'uPlot.iife.min.js'),
      "(() => {\n'use strict';",
      ...scripts.map((name) => own(`${name}.js`)),
      '})();',
    ].join('\n'),
  };
}
