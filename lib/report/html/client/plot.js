// What uPlot is told of a chart.
/* global FONT, css, colourOf, logTicks, tickTexts, uPlot, window */

/** The numbers of a chart side by side over one x, with where each series and its band are. */
function alignedData({ kind, series }) {
  const places = [];
  if (kind === 'points') {
    // Several classes may be at the same x: nothing is merged.
    const all = series.flatMap(({ x, y }, s) => x.map((at, i) => [at, y[i], s]));
    all.sort((a, b) => a[0] - b[0]);
    series.forEach((_, s) => places.push({ y: s + 1 }));
    return {
      places,
      data: [
        all.map(([at]) => at),
        ...series.map((_, s) => all.map(([, value, of]) => (of === s ? value : null))),
      ],
    };
  }
  let next = 1;
  const tables = series.map(({ x, y, low, high }) => {
    const place = { y: next++ };
    if (low) Object.assign(place, { low: next++, high: next++ });
    places.push(place);
    return low ? [x, y, low, high] : [x, y];
  });
  return { places, data: uPlot.join(tables) };
}

function rangeOf(axis, isTight) {
  return (u, low, high) => {
    let [min, max] = [low, high];
    if (min === null || max === null) return axis.isLog ? [0.1, 1] : [0, 1];
    if (axis.isLog) {
      if (min === max) [min, max] = [min / 2, max * 2];
      if (!isTight) [min, max] = [min / 1.15, max * 1.15];
    } else if (min === max) [min, max] = [min - (Math.abs(min) || 1) / 10, max + (Math.abs(max) || 1) / 10];
    else if (!isTight) {
      const pad = (max - min) * 0.06;
      const isPositive = min >= 0;
      min -= pad;
      max += pad;
      if (isPositive) min = Math.max(0, min);
      if (axis.isShare && high <= 1) max = Math.min(1, max);
    }
    return [axis.min ?? min, axis.max ?? max];
  };
}

function axisOptions(axis, side, width) {
  const isX = side === 2;
  return {
    side,
    stroke: css('--axis'),
    font: FONT,
    label: isX ? axis.label : undefined,
    labelFont: FONT,
    labelSize: isX ? 20 : 0,
    labelGap: 0,
    gap: 6,
    grid: { stroke: css('--grid'), width: 1 },
    ticks: { show: false },
    space: isX ? Math.max(52, width / 9) : 38,
    size: isX ? 26 : (_, texts) => 12 + 7 * Math.max(2, ...(texts ?? []).map((text) => String(text).length)),
    ...(axis.isLog
      ? {
          splits: (u, _, min, max) => logTicks(min, max, isX ? Math.max(2, width / 64) : 6),
          filter: (u, splits) => splits,
        }
      : {}),
    ...(axis.label === 'epoch' || axis.label === 'step'
      ? {
          incrs: [
            1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1e3, 2e3, 2500, 5e3, 1e4, 2e4, 25e3, 5e4, 1e5, 2e5,
            25e4, 5e5, 1e6, 2e6, 5e6,
          ],
        }
      : {}),
    values: (u, splits) => tickTexts(splits, axis),
  };
}

/** Paints how much of each column is in which bin, behind the lines. */
function paintHeat(u, { x, edges, counts }, colour) {
  const { ctx, bbox } = u;
  const most = Math.max(...counts.flat()) || 1;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = colour;
  counts.forEach((column, c) => {
    const [left, right] = [u.valToPos(x[c] - 0.5, 'x', true), u.valToPos(x[c] + 0.5, 'x', true)];
    const gap = Math.min(2 * window.devicePixelRatio, (right - left) / 10);
    column.forEach((count, bin) => {
      if (count <= 0) return;
      const edge = (at) => Math.round(u.valToPos(edges[at], 'y', true));
      const [top, bottom] = [edge(bin + 1), edge(bin)];
      ctx.globalAlpha = 0.06 + 0.64 * Math.sqrt(count / most);
      ctx.fillRect(
        Math.round(left + gap),
        top,
        Math.round(right - left - 2 * gap),
        Math.max(1, bottom - top),
      );
    });
  });
  ctx.restore();
}

function withAlpha(colour, alpha) {
  const hex = colour.replace('#', '');
  const [r, g, b] = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgb(${r} ${g} ${b} / ${alpha})`;
}

function seriesOptions(chart, { places }, size) {
  const options = [{}];
  const bands = [];
  chart.series.forEach((series, s) => {
    const colour = colourOf(series);
    const isHeat = chart.kind === 'heat';
    const line = isHeat ? css('--text') : colour;
    // Single measurements are marked; the points of a computed curve are none.
    const few = series.x.length <= 40 && chart.kind === 'lines' && !chart.x.isLog;
    const own = {
      label: series.label,
      scale: 'y',
      stroke: line,
      width: isHeat && series.isDashed ? 1.25 : 2,
      dash: series.isDashed ? [5, 4] : undefined,
      spanGaps: true,
      points: few ? { show: true, size: 5, fill: line, stroke: line } : { show: false },
    };
    if (chart.kind === 'points')
      Object.assign(own, {
        paths: () => null,
        points: {
          show: true,
          size: size,
          width: 0,
          fill: withAlpha(colour, 0.6),
          stroke: withAlpha(colour, 0.6),
        },
      });
    if (chart.kind === 'steps')
      Object.assign(own, {
        paths: uPlot.paths.stepped({ align: 1 }),
        fill: withAlpha(colour, 0.16),
        width: 1.5,
      });
    options[places[s].y] = own;
    if (places[s].low === undefined) return;
    for (const at of [places[s].low, places[s].high])
      options[at] = {
        scale: 'y',
        stroke: 'transparent',
        width: 0,
        points: { show: false },
        spanGaps: true,
      };
    bands.push({ series: [places[s].high, places[s].low], fill: withAlpha(colour, 0.18) });
  });
  return { series: options, bands };
}
