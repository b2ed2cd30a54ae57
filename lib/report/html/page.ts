import { createHash } from 'node:crypto';

import { type TextTable } from '../../eval/records/text-table';
import type { EvaluationRecord } from '../../eval/records/record';
import type { PicturedPair } from '../pictures/pair-pictures';
import { readAssets } from './assets';
import type { Chart } from './chart';
import { Html, markup, scriptJson } from './text';

/** A part of the page, with its place in the menu. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly lead?: string;
  readonly body: Html;
}

/** A page of a report. */
export interface Page {
  readonly title: string;
  readonly subtitle: string;
  /** Names of the runs, in the order of the colours; told where there are several. */
  readonly runs: readonly string[];
  readonly sections: readonly Section[];
  /** Those that the sections have figures for. */
  readonly charts: readonly Chart[];
}

const COLOURS = 8;

/** The whole page: one file, which needs nothing else and asks the network for nothing. */
export function pageText({ title, subtitle, runs, sections, charts }: Page): string {
  const { style, script, licence } = readAssets();
  const inner = new Html(script.replaceAll(/<\/(script)/gi, '<\\/$1'));
  const sheet = new Html(style);
  const hash = (text: Html): string => `'sha256-${createHash('sha256').update(text.text).digest('base64')}'`;
  // Whatever got into the page by a name cannot run, nor load anything.
  const policy = [
    "default-src 'none'",
    `script-src ${hash(inner)}`,
    `style-src ${hash(sheet)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const legend =
    runs.length > 1
      ? markup`<ul class="runs">
          ${runs.map((name, i) => markup`<li><i class="swatch c${i % COLOURS}" aria-hidden="true"></i>${name}</li>`)}
        </ul>`
      : undefined;
  const page = markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <style>${sheet}</style>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
          <div class="wrap">
            <h1>${title}</h1>
            <p>${subtitle}</p>
            ${legend}
          </div>
        </header>
        <nav aria-label="Sections">
          <div class="wrap">
            <ul>
              ${sections.map(({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>`)}
            </ul>
          </div>
        </nav>
        <main id="main" class="wrap">
          ${sections.map(
            ({ id, title, lead, body }) =>
              markup`<section id="${id}" aria-labelledby="${id}-title">
                <h2 id="${id}-title">${title}</h2>
                ${lead === undefined ? undefined : markup`<p class="lead">${lead}</p>`}${body}
              </section> `,
          )}
        </main>
        <footer class="wrap">
          <p>
            Made by kappaface. In a chart: arrow keys, Page Up and Down, Home and End move the cursor, Escape
            puts it away; drag over a chart to zoom in, double-click to zoom out; the names below it show and
            hide its series.
          </p>
          <details>
            <summary>Licence of uPlot, which draws the charts</summary>
            <pre>${licence}</pre>
          </details>
        </footer>
        <script type="application/json" id="charts">${scriptJson(charts)}</script>
        <script>${inner}</script>
      </body>
    </html>
`;
  return page.text;
}

/** Places for charts; the script of the page draws them. */
export function figures(charts: readonly Chart[], isSmall: boolean): Html {
  return markup`<div class="${isSmall ? 'charts small' : 'charts'}">${charts.map(figure)}</div>`;
}

function figure({ id, title, note, kind, x, y, series }: Chart): Html {
  const kinds = { lines: 'lines', steps: 'histogram', points: 'points', heat: 'histograms by epoch' };
  const names = series.map(({ label }) => label).join(', ');
  return markup`<figure class="chart" id="chart-${id}">
    <figcaption>
      <h3>${title}</h3>
      ${note === undefined ? undefined : markup`<p class="note">${note}</p>`}
    </figcaption>
    <p class="unit" aria-hidden="true">${y.label}</p>
    <div
      class="plot"
      tabindex="0"
      role="application"
      aria-roledescription="chart"
      aria-label="${title}: ${kinds[kind]} of ${y.label} over ${x.label} (${names}). Arrow keys read the values."
    ></div>
    <div class="legend"></div>
    <div class="hidden" role="status" aria-live="polite"></div>
    <details><summary>Data</summary></details>
  </figure>`;
}

/** A table that the reader may scroll sideways. */
export function tableCard({ title, header, rows, notes }: TextTable, about?: Html): Html {
  const [first, ...columns] = header;
  const isText = columns.map((_, i) => rows.every(({ cells }) => !/^[\d–-]/.test(cells[i + 1] ?? '')));
  const body = rows.map(({ cells: [name, ...values], isPublished }) => {
    const own = !isPublished && rows.some((row) => row.isPublished);
    return markup`<tr class="${own ? 'own' : ''}">
      <th scope="row">${name}</th>
      ${values.map((value, i) => cell(value, isText[i] ?? false))}
    </tr>`;
  });
  return markup`<div class="card">
    <h3>${title}</h3>
    <div class="scroll" tabindex="0" role="region" aria-label="${title}">
      <table>
        <thead>
          <tr>
            <th scope="col">${first}</th>
            ${columns.map((column, i) => markup`<th scope="col" class="${isText[i] ? 'text' : ''}">${column}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${body}
        </tbody>
      </table>
    </div>
    ${notes.map((note) => markup`<p class="note">${note}</p>`)}${about}
  </div>`;
}

/** A number with its interval below it. */
function cell(value: string, isText: boolean): Html {
  const [, number, interval] = /^(.*\S) \[(.*)\]$/.exec(value) ?? [];
  if (isText || number === undefined || interval === undefined)
    return markup`<td class="${isText ? 'text' : ''}">${value}</td>`;
  return markup`<td>${number}<small>${interval.replace(', ', ' – ')}</small></td>`;
}

/** How an evaluation was made. */
export function aboutRecord(name: string, record: EvaluationRecord): Html {
  const list = (values: Readonly<Record<string, unknown>>): string =>
    Object.entries(values)
      .map(
        ([key, value]) =>
          `${key} ${typeof value === 'number' ? value.toLocaleString('en-US') : String(value)}`,
      )
      .join(', ');
  const { resampling } = record;
  const facts: readonly (readonly [string, string])[] = [
    ['Protocol', record.protocol],
    ['Flags', list(record.flags)],
    ['Counts', list(record.counts)],
    ['Model', record.model],
    ['Data', record.data],
    [
      'Intervals',
      resampling
        ? `95%, ${resampling.units.toLocaleString('en-US')} ${resampling.unit} drawn ${resampling.draws.toLocaleString('en-US')} times (seed ${resampling.seed})`
        : '',
    ],
    ['Made', record.made],
  ];
  const shown = facts.filter(([, value]) => value !== '');
  return markup`<details class="about">
    <summary>${name}</summary>
    <ul>
      ${shown.map(([key, value]) => markup`<li>${key}: ${value}</li>`)}
    </ul>
  </details>`;
}

/** Pairs with their pictures: the strangers taken for one person, and the people not recognised. */
export function pairList(pairs: readonly PicturedPair[], quantity: string): Html {
  const item = ({ first, second, isSame, score, pictures }: PicturedPair): Html => {
    const told = isSame ? 'one person' : 'two people';
    const image = (source: string | undefined, name: string): Html =>
      source === undefined
        ? markup`<span class="none" title="${name}">no picture</span>`
        : markup`<img src="${source}" alt="${name}" width="112" height="112" />`;
    return markup`<li>
      <div class="two">${image(pictures[0], first)}${image(pictures[1], second)}</div>
      <p>
        <span class="${isSame ? 'same' : 'different'}">${told}</span>, ${quantity} ${score.toFixed(3)}<br /><span
          class="note"
          >${first} and ${second}</span
        >
      </p>
    </li>`;
  };
  return markup`<ul class="pairs">
    ${pairs.map(item)}
  </ul>`;
}
