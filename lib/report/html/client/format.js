// Values and ticks as text. The files of this folder are put into one function of the page, in the order of assets.ts.

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
