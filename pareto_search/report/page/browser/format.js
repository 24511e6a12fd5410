// Numbers as readers want them (as in numbers.py), and elements whose texts are never markup.

const THIN_SPACE = '\u202f';

function withThinSpaces(digits) {
  const [integer, fraction] = digits.split('.');
  const spaced = integer.replace(/\B(?=(\d{3})+$)/g, THIN_SPACE).replace('-', '−');
  return fraction === undefined ? spaced : spaced + '.' + fraction;
}

/** The value to some significant digits without an exponent; "–" if unknown. */
function number(value, digits = 3) {
  if (!Number.isFinite(value)) return '–';
  const magnitude = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  return withThinSpaces(value.toFixed(Math.min(Math.max(digits - 1 - magnitude, 0), 20)));
}

/** The value to some significant digits, without zeros at its end; "–" if unknown. */
function short(value, digits) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(digits))) : '–';
}

/** A count; "–" if unknown. */
function whole(value) {
  return Number.isFinite(value) ? withThinSpaces(value.toFixed(0)) : '–';
}

/** Such as 2.3e−6. */
function exponent(value) {
  return Number.isFinite(value) ? value.toExponential(1).replaceAll('-', '−') : '–';
}

/** Mean ± sample standard deviation to matching digits. */
function spread(values, unit) {
  const mean = average(values);
  const std = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1));
  if (!(std > 0)) return `${number(mean, 4)} ${unit}`;
  const digits = Math.min(Math.max(1 - Math.floor(Math.log10(std)), 0), 20);
  return `${mean.toFixed(digits)} ± ${std.toFixed(digits)} ${unit}`;
}

function average(values) {
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : NaN;
}

function plural(n, noun) {
  return `${whole(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** For Plotly's hover texts, which understand some markup. */
function escapeMarkup(text) {
  return String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** An element with attributes and children; strings become text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children);
  return element;
}
