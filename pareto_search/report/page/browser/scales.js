// Switching an axis between logarithmic and linear; limits and ticks as in style.py.

const LADDERS = [[1], [1, 2, 5], [1, 2, 3, 5, 7], [1, 1.5, 2, 3, 4, 5, 6, 8]];
const MARGIN = 0.08;

function logTicks(low, high) {
  const first = Math.floor(Math.log10(low));
  const decades = Array.from({length: Math.ceil(Math.log10(high)) - first + 1}, (_, index) => first + index);
  let ticks = [];
  for (const digits of LADDERS) {
    ticks = decades.flatMap((decade) => digits.map((digit) => Number(`${digit}e${decade}`)))
      .filter((tick) => low <= tick && tick <= high);
    if (ticks.length >= 4) break;
  }
  return ticks;
}

function tickText(value) {
  for (const [factor, suffix] of [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']]) {
    if (value >= factor) return `${Number((value / factor).toPrecision(6))}${suffix}`;
  }
  return String(value);
}

function linearAxis(low, high) {
  const margin = MARGIN * ((high - low) || 0.2 * high);
  return {type: 'linear', range: [Math.max(low - margin, 0), high + margin], tickmode: 'auto', nticks: 7};
}

function logAxis(low, high) {
  const decades = Math.max(Math.log10(high / low), 0.05);
  const range = [Math.log10(low) - MARGIN * decades, Math.log10(high) + MARGIN * decades];
  const tickvals = logTicks(10 ** range[0], 10 ** range[1]);
  return {type: 'log', range, tickmode: 'array', tickvals, ticktext: tickvals.map(tickText)};
}

/** The axes of a figure by letter: plane figures may have several of one letter, scenes have three. */
function axesOf(layout, letter) {
  const holder = layout.scene || layout;
  return Object.keys(holder).filter((key) => new RegExp(`^${letter}axis\\d*$`).test(key)).map((key) => holder[key]);
}

/** Letters of the axes that can be switched: a logarithmic one has no place for what is below zero. */
function switchable(spec) {
  const isBelowZero = (axis) => axis.type !== 'log' && axis.range && axis.range[0] < 0;
  return ['x', 'y', 'z'].filter((letter) => axesOf(spec.layout, letter).some((axis) => axis.range)
    && !axesOf(spec.layout, letter).some(isBelowZero) && smallestAndLargest(spec.data, letter) !== null);
}

/** Switch the axes of one letter. */
function flipAxes(spec, letter) {
  const limits = smallestAndLargest(spec.data, letter);
  if (limits === null) return;
  axesOf(spec.layout, letter).forEach((axis) => {
    const isLog = axis.type !== 'log';
    ['tickvals', 'ticktext', 'nticks'].forEach((key) => delete axis[key]);
    Object.assign(axis, isLog ? logAxis(...limits) : linearAxis(...limits), {uirevision: isLog});
  });
}

/** Smallest and largest positive value of the points on an axis, or of all traces where none has points. */
function smallestAndLargest(traces, letter) {
  const points = traces.filter((trace) => trace.meta?.of);
  let low = Infinity;
  let high = 0;
  (points.length ? points : traces).forEach((trace) => (trace[letter] || []).forEach((value) => {
    if (value > 0) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }));
  return high > 0 ? [low, high] : null;
}
