// A chart with its legend, its cursor and its table.
/* global NUM_COLOURS, alignedData, axisOptions, colourOf, element, paintHeat, rangeOf, ResizeObserver, seriesOptions, textOf, uPlot */

/** Rows of a table of data. */
const ROWS = 400;
/** Values that Page Up and Page Down go over. */
const JUMP = 10;

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
    if (width > 0 && (width !== this.u.width || height !== this.u.height)) this.u.setSize({ width, height });
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
