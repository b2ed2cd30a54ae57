import type { DatasetReport } from '../../prepare/inspect';
import { COLOURS, svgDocument, svgText, writeSvgPicture } from './svg';

const WIDTH = 860;
const HEIGHT = 440;
const PLOT = { left: 64, right: WIDTH - 28, top: 96, bottom: HEIGHT - 66 };
const GRID_LINES = 4;

/**
 * Draws the images per class of a dataset: for each range of sizes the share of all classes and the share of all images
 * that fall into it, with the number of classes above. `.png` or `.svg`.
 * @throws KappaError ERR_ARGUMENT for another ending, ERR_IO
 */
export async function writeHistogram(file: string, report: DatasetReport): Promise<void> {
  await writeSvgPicture(file, histogramSvg(report));
}

/** The picture as SVG. */
export function histogramSvg(report: DatasetReport): string {
  const { histogram: bins, images, classes, imagesPerClass: per } = report;
  const filled = classes - report.emptyClasses;
  const shares = bins.map((bin) => ({ classes: bin.classes / filled, images: bin.images / images }));
  const top = niceTop(Math.max(...shares.flatMap((share) => [share.classes, share.images])));
  const y = (share: number) => PLOT.bottom - (share / top) * (PLOT.bottom - PLOT.top);
  const slot = (PLOT.right - PLOT.left) / bins.length;
  const bar = Math.min(44, slot * 0.36);

  const grid = Array.from({ length: GRID_LINES + 1 }, (_, i) => {
    const share = (top * i) / GRID_LINES;
    const at = y(share);
    return (
      `<line x1="${PLOT.left}" y1="${at}" x2="${PLOT.right}" y2="${at}" stroke="${i === 0 ? COLOURS.muted : COLOURS.line}"/>` +
      svgText(percent(share), PLOT.left - 10, at + 4, { size: 12, anchor: 'end', fill: COLOURS.muted })
    );
  });
  const columns = bins.map((bin, i) => {
    const middle = PLOT.left + (i + 0.5) * slot;
    const { classes: classShare, images: imageShare } = shares[i]!;
    return [
      column(middle - bar - 1, y(classShare), bar, COLOURS.first),
      column(middle + 1, y(imageShare), bar, COLOURS.second),
      svgText(number(bin.classes), middle - bar / 2 - 1, y(classShare) - 6, {
        size: 11,
        anchor: 'middle',
        fill: COLOURS.first,
      }),
      svgText(range(bin.from, bin.to), middle, PLOT.bottom + 20, { size: 12, anchor: 'middle' }),
    ].join('');
  });
  const facts =
    `${number(images)} images of ${number(filled)} classes: from ${number(per.min)} to ${number(per.max)} a class, ` +
    `median ${per.median}, mean ${per.mean.toFixed(1)}`;
  return svgDocument(
    WIDTH,
    HEIGHT,
    [
      svgText('Images per class', PLOT.left, 40, { size: 22, bold: true }),
      svgText(facts, PLOT.left, 64, { size: 13, fill: COLOURS.muted }),
      legend(PLOT.right - 196, 36, COLOURS.first, 'share of the classes'),
      legend(PLOT.right - 196, 58, COLOURS.second, 'share of the images'),
      ...grid,
      ...columns,
      svgText('images of a class', (PLOT.left + PLOT.right) / 2, HEIGHT - 18, {
        size: 13,
        anchor: 'middle',
        fill: COLOURS.muted,
      }),
    ].join(''),
  );
}

function column(x: number, top: number, width: number, fill: string): string {
  const height = Math.max(0, PLOT.bottom - top);
  return `<rect x="${x}" y="${top}" width="${width}" height="${height}" fill="${fill}" rx="2"/>`;
}

function legend(x: number, y: number, fill: string, text: string): string {
  return (
    `<rect x="${x}" y="${y - 10}" width="12" height="12" rx="2" fill="${fill}"/>` +
    svgText(text, x + 20, y, { size: 13 })
  );
}

/** The smallest round share that is not below the largest bar. */
function niceTop(share: number): number {
  return [0.04, 0.08, 0.1, 0.2, 0.4, 0.6, 0.8].find((top) => share <= top) ?? 1;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))}%`;
}

function range(from: number, to: number): string {
  return from === to ? String(from) : `${number(from)}–${number(to)}`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
