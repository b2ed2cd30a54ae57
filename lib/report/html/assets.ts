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

/** Reads styles and scripts from the packages they belong to. */
export function readAssets(): Assets {
  const library = path.join(path.dirname(resolve.resolve('uplot')), '..');
  const read = (...parts: string[]): string => readFileSync(path.join(...parts), 'utf8');
  const licence = read(library, 'LICENSE');
  return {
    licence,
    style: `${read(library, 'dist', 'uPlot.min.css')}\n${read(__dirname, 'client', 'report.css')}`,
    script: [
      `/*\nuPlot\n${licence.replaceAll('*/', '* /')}*/`,
      read(library, 'dist', 'uPlot.iife.min.js'),
      read(__dirname, 'client', 'report.js'),
    ].join('\n'),
  };
}
