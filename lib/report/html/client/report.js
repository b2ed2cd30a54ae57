// What runs in the page of a report: draws its charts, and makes them usable by keyboard. Plain JavaScript of browsers; it
// is put into the page as it is.
/* global uPlot, document, window, getComputedStyle, ResizeObserver */
'use strict';
(() => {
  const charts = JSON.parse(document.getElementById('charts').textContent);
  const root = document.documentElement;
  const ROWS = 400;
  const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
  const NUM_COLOURS = 8;
  const JUMP = 10;

  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const colourOf = (series) => css(`--c${series.colour % NUM_COLOURS}`);

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  /** A value as text: percent for shares, else four or so digits. */
  function textOf(value, axis) {
    if (value === null || value === undefined) return '–';
    if (axis.isShare) return `${trim((value * 100).toFixed(2))}%`;
    const size = Math.abs(value);
    if (Number.isInteger(value) && size < 1e7) return value.toLocaleString('en-US');
    if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace(/\.?0+e/, 'e');
    return trim(value.toPrecision(4));
  }

  function trim(text) {
    return text.includes('.') && !text.includes('e') ? text.replace(/\.?0+$/, '') : text;
  }

  /** Labels of the ticks, all with as many digits as their distance needs. */
  function tickTexts(values, axis) {
    const shown = values.filter((value) => value !== null);
    if (axis.isLog)
      return values.map((value) => {
        if (value === null) return '';
        if (value < 1e-3 || value >= 1e6) return value.toExponential(0).replace('+', '');
        if (value >= 1e4) return `${trim((value / 1e3).toPrecision(3))}k`;
        return value.toLocaleString('en-US', { maximumSignificantDigits: 3 });
      });
    const step = shown.length > 1 ? Math.abs(shown[1] - shown[0]) : 1;
    const factor = axis.isShare ? 100 : 1;
    let digits = 0;
    while (
      digits < 8 &&
      Math.abs(step * factor * 10 ** digits - Math.round(step * factor * 10 ** digits)) > 1e-4
    )
      digits++;
    return values.map((value) => {
      if (value === null) return '';
      if (!axis.isShare && Math.abs(value) >= 1e6) return `${trim((value / 1e6).toFixed(2))}M`;
      if (!axis.isShare && step < 1e-4) return value === 0 ? '0' : value.toExponential(1);
      const text = (value * factor).toFixed(digits);
      return axis.isShare ? `${text}%` : digits === 0 ? Number(text).toLocaleString('en-US') : text;
    });
  }

  /** Ticks of a logarithmic axis, at most so many: round numbers within the decades, or only some of the decades. */
  function logTicks(min, max, most) {
    const ticksOf = (factors, every) => {
      const ticks = [];
      for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++)
        for (const factor of power % every === 0 ? factors : []) {
          const tick = Number(`${factor}e${power}`);
          if (tick >= min * 0.9999 && tick <= max * 1.0001) ticks.push(tick);
        }
      return ticks;
    };
    for (const factors of [
      [1, 1.5, 2, 3, 4, 5, 6, 8],
      [1, 2, 5],
      [1, 3],
    ]) {
      const ticks = ticksOf(factors, 1);
      if (ticks.length <= most) return ticks;
    }
    for (let every = 1; ; every++) {
      const ticks = ticksOf([1], every);
      if (ticks.length <= most) return ticks;
    }
  }

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
      size: isX
        ? 26
        : (_, texts) => 12 + 7 * Math.max(2, ...(texts ?? []).map((text) => String(text).length)),
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

  /** The chart of a figure, with its legend, its cursor and its table. */
  class View {
    constructor(figure, chart) {
      this.chart = chart;
      this.figure = figure;
      this.plot = figure.querySelector('.plot');
      this.live = figure.querySelector('[role=status]');
      this.aligned = alignedData(chart);
      this.hidden = new Set();
      this.index = null;
      this.makeLegend(figure.querySelector('.legend'));
      this.draw();
      this.plot.addEventListener('keydown', (event) => this.onKey(event));
      this.plot.addEventListener('blur', () => this.moveTo(null));
      const details = figure.querySelector('details');
      details.addEventListener('toggle', () => details.open && this.fillTable(details), { once: true });
      new ResizeObserver(() => this.resize()).observe(this.plot);
    }

    makeLegend(legend) {
      this.at = element('span', { class: 'at' });
      this.outputs = this.chart.series.map((series, s) => {
        // No output element: each of those would be read out, too.
        const output = element('span', { class: 'value' });
        const colour = this.chart.kind === 'heat' ? 'plain' : `c${series.colour % NUM_COLOURS}`;
        const swatch = element('i', {
          class: `swatch ${colour}${series.isDashed ? ' dashed' : ''}`,
          'aria-hidden': 'true',
        });
        const button = element(
          'button',
          { type: 'button', 'aria-pressed': 'true', title: `Show or hide ${series.label}` },
          swatch,
          element('span', { class: 'name' }, series.label),
          output,
        );
        button.addEventListener('click', () => this.toggle(s, button));
        legend.append(button);
        return output;
      });
      legend.append(this.at);
    }

    toggle(s, button) {
      const isHidden = !this.hidden.has(s);
      if (isHidden) this.hidden.add(s);
      else this.hidden.delete(s);
      button.setAttribute('aria-pressed', String(!isHidden));
      for (const at of Object.values(this.aligned.places[s])) this.u.setSeries(at, { show: !isHidden });
    }

    draw() {
      this.u?.destroy();
      const { chart, plot, aligned } = this;
      const [width, height] = [plot.clientWidth, plot.clientHeight];
      const isHeat = chart.kind === 'heat';
      const isTight = chart.kind === 'lines' || chart.kind === 'steps' || isHeat;
      const pointSize = aligned.data[0].length > 600 ? 4 : 6;
      this.u = new uPlot(
        {
          ...{ width, height, padding: [8, 14, 0, 0], legend: { show: false } },
          scales: {
            x: { time: false, distr: chart.x.isLog ? 3 : 1, range: rangeOf(chart.x, isTight) },
            y: { distr: chart.y.isLog ? 3 : 1, range: rangeOf(chart.y, isHeat) },
          },
          axes: [axisOptions(chart.x, 2, width), axisOptions(chart.y, 3, width)],
          ...seriesOptions(chart, aligned, pointSize),
          cursor: { y: false, drag: { x: true, y: false }, points: { size: 8 } },
          hooks: {
            drawClear: isHeat ? [(u) => paintHeat(u, chart.heat, colourOf(chart.series[0]))] : [],
            setCursor: [(u) => this.show(u.cursor.idx)],
          },
        },
        aligned.data,
        plot,
      );
      for (const s of this.hidden)
        for (const at of Object.values(aligned.places[s])) this.u.setSeries(at, { show: false });
      plot.dataset.drawn = 'true';
    }

    resize() {
      const [width, height] = [this.plot.clientWidth, this.plot.clientHeight];
      if (width > 0 && (width !== this.u.width || height !== this.u.height))
        this.u.setSize({ width, height });
    }

    /** Writes the values at the cursor into the legend. */
    show(index) {
      const { chart, aligned } = this;
      this.at.textContent =
        index === null || index === undefined
          ? ''
          : `${chart.x.label} ${textOf(aligned.data[0][index], chart.x)}`;
      this.outputs.forEach((output, s) => {
        output.textContent = index === null || index === undefined ? '' : this.valueText(s, index);
      });
    }

    valueText(s, index) {
      const place = this.aligned.places[s];
      const value = this.valueAt(place.y, index);
      if (value === undefined) return '';
      const text = textOf(value, this.chart.y);
      if (place.low === undefined) return text;
      const [low, high] = [this.valueAt(place.low, index), this.valueAt(place.high, index)];
      return `${text} [${textOf(low, this.chart.y)}, ${textOf(high, this.chart.y)}]`;
    }

    /** The value there, or the last one before it where a series has none of its own. */
    valueAt(at, index) {
      const values = this.aligned.data[at];
      if (this.chart.kind === 'points') return values[index] ?? undefined;
      for (let i = index; i >= 0; i--) if (values[i] !== null && values[i] !== undefined) return values[i];
      return undefined;
    }

    onKey(event) {
      const last = this.aligned.data[0].length - 1;
      const from = this.index ?? -1;
      const to = {
        ArrowLeft: from - 1,
        ArrowRight: from + 1,
        PageUp: from - JUMP,
        PageDown: from + JUMP,
        Home: 0,
        End: last,
        Escape: null,
      }[event.key];
      if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.moveTo(to === null ? null : Math.min(last, Math.max(0, to)));
    }

    moveTo(index) {
      this.index = index;
      if (index === null) {
        this.u.setCursor({ left: -10, top: -10 });
        this.live.textContent = '';
        return;
      }
      const x = this.aligned.data[0][index];
      this.u.setCursor({ left: this.u.valToPos(x, 'x'), top: this.u.over.clientHeight / 2 });
      // Of several points at one x the cursor takes any.
      this.show(index);
      const values = this.chart.series
        .map((series, s) => [series.label, this.hidden.has(s) ? '' : this.valueText(s, index)])
        .filter(([, value]) => value !== '')
        .map(([label, value]) => `${label} ${value}`);
      this.live.textContent = `${this.chart.x.label} ${textOf(x, this.chart.x)}: ${values.join(', ')}`;
    }

    fillTable(details) {
      const { chart, aligned } = this;
      const rows = aligned.data[0].length;
      const every = Math.ceil(rows / ROWS);
      const head = element('tr', {}, element('th', { scope: 'col' }, chart.x.label));
      for (const { label } of chart.series) head.append(element('th', { scope: 'col' }, label));
      const body = element('tbody');
      for (let i = 0; i < rows; i += every) {
        const row = element('tr', {}, element('td', {}, textOf(aligned.data[0][i], chart.x)));
        aligned.places.forEach(({ y, low, high }) => {
          const value = aligned.data[y][i];
          const band =
            low === undefined || value === undefined || value === null
              ? ''
              : ` [${textOf(aligned.data[low][i], chart.y)}, ${textOf(aligned.data[high][i], chart.y)}]`;
          row.append(
            element('td', {}, value === undefined || value === null ? '' : textOf(value, chart.y) + band),
          );
        });
        body.append(row);
      }
      const table = element('table', {}, element('thead', {}, head), body);
      const scroll = element(
        'div',
        { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Data: ${chart.title}` },
        table,
      );
      details.append(scroll);
      if (every > 1) details.append(element('p', { class: 'note' }, `Every ${every}th of ${rows} rows.`));
    }
  }

  const views = charts.map((chart) => new View(document.getElementById(`chart-${chart.id}`), chart));
  const redraw = () => views.forEach((view) => view.draw());
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  window.addEventListener('beforeprint', () => {
    root.classList.add('print');
    redraw();
  });
  window.addEventListener('afterprint', () => {
    root.classList.remove('print');
    redraw();
  });
})();
