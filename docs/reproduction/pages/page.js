(function () {
'use strict';
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

// The study that the page carries: networks and costs by column, curves by row of their network.

function readJson(name) {
  const element = document.getElementById('data-' + name);
  return element && JSON.parse(element.textContent);
}

const study = readJson('study');
const darkColors = readJson('dark');

/** Columns as plain arrays; unknown numbers are NaN. */
function decode(frame) {
  const columns = {};
  Object.entries(frame.columns).forEach(([name, column]) => {
    let values = column;
    if (column && column.same !== undefined) values = new Array(frame.n).fill(column.same);
    else if (column && column.texts) values = column.codes.map((code) => column.texts[code]);
    columns[name] = values.map((value) => (value === null ? NaN : value));
  });
  return {n: frame.n, ...columns};
}

const networks = study ? decode(study.networks) : {n: 0};
const costs = study ? decode(study.costs) : {n: 0};

/** Rows by the number that they share: the seeds of a network, or all networks of an architecture. */
function groupRows(numbers) {
  const groups = new Map();
  (numbers || []).forEach((number, row) => {
    if (!groups.has(number)) groups.set(number, []);
    groups.get(number).push(row);
  });
  return groups;
}
const rowsOf = {network: groupRows(networks.network), architecture: groupRows(networks.architecture)};

const curveOf = new Map();
if (study) {
  study.curves.rows.forEach((row, index) => curveOf.set(row, {
    epochs: study.curves.epoch_lists[study.curves.epochs[index]],
    train: study.curves.train[index],
    valid: study.curves.valid[index],
  }));
}

const rdfOf = new Map();
if (study && study.rdf) study.rdf.rows.forEach((row, index) => rdfOf.set(row, study.rdf.g[index]));

function lookOf(row) {
  return study.looks[`${networks.role[row]} ${networks.control_kind[row]}`.trim()];
}

function roleText(row) {
  return networks.control_kind[row] ? `${networks.role[row]} (${networks.control_kind[row]})` : networks.role[row];
}

/** The split on which a network's error is stated: that of the claims, or validation outside their stage. */
function splitOf(row) {
  const isClaimed = networks.stage[row] === study.basis.stage || networks.role[row] === 'teacher';
  return isClaimed ? study.basis.split : 'valid';
}

/** The seeds that enter a network's averages. */
function averagedRows(rows) {
  const errors = networks[`${splitOf(rows[0])}_force_rmse_ev_per_ang`];
  return rows.filter((row) => networks.status[row] === 'complete' && Number.isFinite(errors[row]));
}

// What the reader has chosen. It lives in the URL's fragment, so that a reload or a shared address restores it.

const MENUS = ['stage', 'seed', 'engine'];

/**
 * roles: null for all, else those shown; select: null or {of: 'network' | 'architecture', row: one of its rows};
 * flipped: axes whose scale was switched, as "fig2a.x"; sort: null or {table, field, isDown}; ranges: lowest and
 * highest value kept, by column, as drawn along parallel axes.
 */
const state = {
  roles: null, stage: '', seed: '', engine: '', text: '', select: null, flipped: new Set(), curves: '', sort: null,
  ranges: new Map(),
};
const listeners = [];
let passesBar = new Array(networks.n).fill(true);  // what the bar of filters lets through
let passes = passesBar;  // and the ranges, too

/** Change some of the state; everything that shows it follows. */
function update(changes) {
  Object.assign(state, changes);
  writeFragment();
  announceChange();
}

function announceChange() {
  passesBar = networksThatPassBar();
  passes = passesBar.map((isKept, row) => isKept && isInRanges(row));
  listeners.forEach((listener) => listener());
}

function networksThatPassBar() {
  const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
  const kept = new Array(networks.n).fill(true);
  for (let row = 0; row < networks.n; row += 1) {
    kept[row] = MENUS.every((field) => state[field] === '' || String(networks[field][row]) === state[field])
      && (state.roles === null || state.roles.has(`${networks.role[row]} ${networks.control_kind[row]}`.trim()))
      && (words.length === 0 || containsAll(searchText(row), words));
  }
  return kept;
}

function isInRanges(row) {
  return Array.from(state.ranges).every(([field, [low, high]]) => (
    low <= networks[field][row] && networks[field][row] <= high));
}

function searchText(row) {
  const fields = ['model_id', 'label', 'stage', 'status', 'reason', 'engine', 'device'];
  return [roleText(row), ...fields.map((field) => networks[field][row])].join(' ').toLowerCase();
}

function containsAll(text, words) {
  return words.every((word) => text.includes(word));
}

function isFiltered() {
  return passes.includes(false);
}

/** Whether a point, which may stand for several networks, still shows one that passes. */
function pointPasses(of, id, kept = passes) {
  return (rowsOf[of].get(id) || []).some((row) => kept[row]);
}

function selectedRows() {
  return state.select === null ? [] : rowsOf[state.select.of].get(networks[state.select.of][state.select.row]);
}

/** Select what a row stands for, or nothing; its learning curves are shown where there are some. */
function select(of, row) {
  const curves = String(networks.architecture[row]);
  const hasCurves = Array.from(document.querySelectorAll('.architectures')).some((menu) => hasOption(menu, curves));
  update({select: {of, row}, ...(hasCurves ? {curves} : {})});
}

function hasOption(menu, value) {
  return Array.from(menu.options).some((option) => option.value === value);
}

function writeFragment() {
  const pairs = new URLSearchParams();
  if (state.roles !== null) pairs.set('roles', Array.from(state.roles).join(','));
  [...MENUS, 'text', 'curves'].forEach((name) => { if (state[name] !== '') pairs.set(name, state[name]); });
  if (state.select) pairs.set('select', `${state.select.of}:${networks.model_id[state.select.row]}`);
  if (state.flipped.size) pairs.set('flip', Array.from(state.flipped).join(','));
  const ranges = Array.from(state.ranges, ([field, limits]) => [field, ...limits].join(':'));
  if (ranges.length) pairs.set('ranges', ranges.join(','));
  if (state.sort) pairs.set('sort', `${state.sort.table}.${state.sort.field}.${state.sort.isDown ? 'down' : 'up'}`);
  history.replaceState(null, '', '#' + pairs);
}

/** Take the state from the fragment; one that is a mere anchor (no "=") changes nothing. */
function readFragment() {
  const fragment = location.hash.slice(1);
  if (fragment !== '' && !fragment.includes('=')) return;
  const pairs = new URLSearchParams(fragment);
  [...MENUS, 'text', 'curves'].forEach((name) => { state[name] = pairs.get(name) || ''; });
  state.roles = pairs.has('roles') ? new Set(pairs.get('roles').split(',')) : null;
  state.flipped = new Set((pairs.get('flip') || '').split(',').filter(Boolean));
  state.ranges = new Map((pairs.get('ranges') || '').split(',').map((range) => range.split(':'))
    .filter(([name]) => networks[name]).map(([name, low, high]) => [name, [Number(low), Number(high)]]));
  const [table, field, direction] = (pairs.get('sort') || '').split('.');
  state.sort = table ? {table, field, isDown: direction === 'down'} : null;
  const [of, ...id] = (pairs.get('select') || '').split(':');
  const row = (networks.model_id || []).indexOf(id.join(':'));
  state.select = row >= 0 && rowsOf[of] ? {of, row} : null;
}

// How a cell of a table is written, by the kind of its column (elements.py, Column).

function dot(look) {
  const colors = `--light:${look.color};--dark:${darkColors[look.color] || look.color}`;
  return make('i', {class: `dot ${look.symbol}`, style: colors});
}

const PARTS = [['neighbour list', 'us_per_atom_neighbor'], ['model', 'us_per_atom_model'],
  ['integrator', 'us_per_atom_integrator']];

/** Each takes a frame, a row and the column, and returns text or an element. */
const CELLS = {
  text: (frame, row, column) => String(frame[column.field][row] || '–'),
  number: (frame, row, column) => number(column.factor * frame[column.field][row], column.digits),
  whole: (frame, row, column) => whole(frame[column.field][row]),
  seed: (frame, row, column) => String(frame[column.field][row]),
  id: (frame, row) => make('span', {class: 'id', title: frame.model_id[row]}, frame.model_id[row]),
  role: (frame, row) => make('span', {}, dot(lookOf(row)), roleText(row)),
  loss: (frame, row) => ['weight_energy', 'weight_forces', 'weight_atomic_energy', 'weight_teacher_forces']
    .map((name) => short(frame[name][row], 3)).join(' / ').replace(/ \/ (0|–)$/, ''),
  status: (frame, row) => make('span', {class: `tag ${frame.status[row]}`, title: frame.reason[row]},
    frame.status[row]),
  quartiles: (frame, row) => ['us_per_atom_step_q25', 'us_per_atom_step_q75']
    .map((name) => number(frame[name][row])).join(' – '),
  parts: (frame, row) => {
    const parts = PARTS.map(([, field]) => Math.max(frame[field][row], 0));
    const total = parts.reduce((sum, part) => sum + part, 0) || 1;
    const title = PARTS.map(([name], index) => `${name} ${number(parts[index])} µs`).join(', ');
    const pieces = parts.map((part) => make('i', {style: `width:${(100 * part / total).toFixed(2)}%`}));
    return make('span', {class: 'split', role: 'img', 'aria-label': title, title}, ...pieces);
  },
};

/** What a cell is sorted by: a number (NaN: unknown) or a text ("": unknown). */
function sortKey(frame, row, column) {
  if (column.kind === 'role') return roleText(row);
  return frame[column.field][row];
}

// What is known about a point, as lines of plain text: over the point, and for screen readers.

/** A network: errors, costs, loss weights and training, averaged over its seeds. */
function networkLines(id) {
  const rows = averagedRows(rowsOf.network.get(id));
  if (rows.length === 0) return ['Not trained to its end'];
  const [row] = rows;
  const split = splitOf(row);
  const mean = (field) => average(rows.map((r) => networks[field][r]).filter(Number.isFinite));
  const errors = (field) => rows.map((r) => 1e3 * networks[field][r]).filter(Number.isFinite);
  const stage = networks.role[row] === 'teacher' ? '' : `, ${networks.stage[row]} stage`;
  const force = spread(errors(`${split}_force_rmse_ev_per_ang`), 'meV/Å');
  const ids = rows.slice(0, 4).map((r) => networks.model_id[r]).join(', ');
  return [
    `${networks.label[row]}  ${roleText(row)}${stage}`,
    `force RMSE (${split === 'test' ? 'test' : 'validation'})  ${force}`,
    `test / validation  ${number(1e3 * mean('test_force_rmse_ev_per_ang'))} / `
      + `${number(1e3 * mean('valid_force_rmse_ev_per_ang'))} meV/Å`,
    `energy RMSE  ${spread(errors(`${split}_energy_rmse_ev_per_atom`), 'meV/atom')}`,
    `MD step  ${number(mean('md_us_per_atom_step'))} µs/atom`,
    `memory  ${number(mean('bytes_per_atom') / 1e3)} kB/atom, max ${whole(mean('max_atoms'))} atoms`,
    `${whole(networks.n_weights[row])} weights; loss E / F / A ${CELLS.loss(networks, row)}`,
    `${plural(rows.length, 'seed')}, ${whole(mean('n_epochs'))} epochs, ${whole(mean('train_s'))} s each`,
    ids + (rows.length > 4 ? ` and ${rows.length - 4} more` : ''),
  ];
}

/** The cost of an architecture: step time with its parts, capacity with its bracket, and where it was measured. */
function architectureLines(id) {
  const [row] = rowsOf.architecture.get(id);
  const lines = [
    `${networks.label[row]}  ${whole(networks.n_weights[row])} weights`,
    `MD step  ${number(networks.md_us_per_atom_step[row])} µs/atom`,
    `memory  ${number(networks.bytes_per_atom[row] / 1e3)} kB/atom, max ${whole(networks.max_atoms[row])} atoms`,
    `engine ${networks.engine[row] || '–'}, ${networks.device[row] || '–'}`,
  ];
  if (networks.cost[row] >= 0) lines.splice(2, 0, ...costLines(networks.cost[row]));
  return lines;
}

function costLines(row) {
  const [neighbors, model, integrator] = PARTS.map(([, field]) => number(costs[field][row]));
  const failed = costs.n_failed[row] >= 0 ? `${whole(costs.n_failed[row])} fail` : 'no failure seen';
  return [
    `neighbours ${neighbors}, model ${model}, integrator ${integrator}`,
    `quartiles ${CELLS.quartiles(costs, row)}; ${whole(costs.n_atoms[row])} atoms, `
      + `${number(costs.n_neighbors_mean[row])} neighbours each`,
    `${whole(costs.max_atoms[row])} atoms fit, ${failed}, in ${number(costs.budget_gib[row])} GiB`,
  ];
}

const LINES = {network: networkLines, architecture: architectureLines};

/** The same in Plotly's markup, with the first two lines in bold. */
function hoverText(of, id) {
  return LINES[of](id).map((line, index) => (index < 2 ? `<b>${escapeMarkup(line)}</b>` : escapeMarkup(line)))
    .join('<br>');
}

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

// Traces as the state wants them: filtered, with hover texts, fronts through what is left, rings around the selected.

const POINT_ARRAYS = ['x', 'y', 'z', 'customdata'];

/** Whether a trace's points stand for networks or architectures. */
function hasPoints(trace) {
  return Boolean(trace.meta?.of) && trace.mode === 'markers';
}

/** Leave out the points whose networks are all filtered out, and give the others their texts. */
function filterTrace(trace) {
  if (!trace.meta?.of || !trace.customdata) return;
  const allowed = trace.dimensions ? passesBar : passes;  // what parallel axes leave out stays there, grey
  const kept = trace.customdata.map((id) => id === null || pointPasses(trace.meta.of, id, allowed));
  const keep = (values) => (Array.isArray(values) ? values.filter((_, index) => kept[index]) : values);
  if (trace.mode === 'lines') {  // a vertex less breaks the line
    const height = trace.z ? 'z' : 'y';
    trace[height] = trace[height].map((value, index) => (kept[index] ? value : null));
    return;
  }
  POINT_ARRAYS.forEach((name) => { if (trace[name]) trace[name] = keep(trace[name]); });
  ['array', 'arrayminus'].forEach((name) => { if (trace.error_y) trace.error_y[name] = keep(trace.error_y[name]); });
  if (trace.dimensions) {
    trace.dimensions.forEach((dimension) => { dimension.values = keep(dimension.values); });
    trace.line.color = keep(trace.line.color);
    showRanges(trace);
  } else {
    trace.text = trace.customdata.map((id) => hoverText(trace.meta.of, id));
    trace.hovertemplate = '%{text}<extra></extra>';
  }
  if (trace.customdata.length === 0) trace.visible = false;
}

/** The parts of parallel axes that are kept, as the state has them. */
function showRanges(trace) {
  trace.uirevision = String(Array.from(state.ranges));
  trace.meta.fields.forEach(([field, factor, isLog], index) => {
    if (!state.ranges.has(field)) return;
    const place = (limit) => (isLog && Number.isFinite(limit) ? Math.log10(factor * limit) : factor * limit);
    const [low, high] = state.ranges.get(field).map(place);
    const [lowest, highest] = extent(trace.dimensions[index].values);
    trace.dimensions[index].constraintrange = [Math.max(low, lowest), Math.min(high, highest)];
  });
}

/** Ranges drawn along parallel axes; one that reaches an end of its axis has no limit there. */
function readRanges(trace) {
  return new Map(trace.meta.fields.flatMap(([field, factor, isLog], index) => {
    const {constraintrange, values} = trace.dimensions[index];
    if (!constraintrange) return [];
    const [low, high] = constraintrange;
    const [lowest, highest] = extent(values);
    const limit = (place) => Number(((isLog ? 10 ** place : place) / factor).toPrecision(6));
    return [[field, [low <= lowest ? -Infinity : limit(low), high >= highest ? Infinity : limit(high)]]];
  }));
}

function extent(values) {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}

/** Lines without points of their own follow the points of their legend group; fronts are drawn through what is left. */
function followPoints(trace, traces) {
  if (trace.meta?.of || !trace.legendgroup) return;
  const points = traces.filter((other) => hasPoints(other) && other.legendgroup === trace.legendgroup);
  if (points.length === 0) return;
  if (points.every((other) => other.visible === false)) trace.visible = false;
  else if (trace.meta?.front_of) Object.assign(trace, front(points, trace.x[trace.x.length - 1]));
}

/** The step line below which no point lies, drawn on to `end`. */
function front(traces, end) {
  const places = traces.flatMap((trace) => trace.x.map((x, index) => [x, trace.y[index]]))
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const kept = [];
  places.forEach((place) => { if (!kept.length || place[1] < kept[kept.length - 1][1]) kept.push(place); });
  const last = kept[kept.length - 1];
  kept.push([Math.max(end, last[0]), last[1]]);
  return {x: kept.map((place) => place[0]), y: kept.map((place) => place[1])};
}

function listPoints(traces) {
  const points = traces.flatMap((trace, curve) => (
    hasPoints(trace) && trace.visible !== false
      ? trace.customdata.map((id, index) => ({curve, index, of: trace.meta.of, id, x: trace.x[index]})) : []));
  return points.sort((a, b) => a.x - b.x);
}

/** Rings around the points of the selected networks. */
function rings(traces) {
  const chosen = new Set(selectedRows());
  if (chosen.size === 0) return [];
  const isChosen = (of, id) => rowsOf[of].get(id).some((row) => chosen.has(row));
  return traces.filter(hasPoints).map((trace) => {
    const indexes = trace.customdata.map((_, index) => index)
      .filter((index) => isChosen(trace.meta.of, trace.customdata[index]));
    const marker = {symbol: 'circle-open', size: trace.z ? 14 : 19, line: {width: 2.5}};
    marker.color = isDark() ? '#ffffff' : '#000000';
    const ring = {type: trace.type, mode: 'markers', name: 'Selected', showlegend: false, hoverinfo: 'skip', marker};
    ['x', 'y', 'z'].forEach((name) => { if (trace[name]) ring[name] = indexes.map((index) => trace[name][index]); });
    return ring;
  }).filter((ring) => ring.x.length);
}

/** Lines of some networks' curves; `panels` are [part, x axis, y axis, line]. */
function curveTraces(rows, panels) {
  const chosen = new Set(selectedRows());
  const named = new Set();
  return rows.filter((row) => curveOf.has(row)).flatMap((row) => panels.map(([part, xaxis, yaxis, line]) => {
    const look = lookOf(row);
    const showlegend = !named.has(look.name);
    named.add(look.name);
    return {type: 'scatter', mode: 'lines', x: curveOf.get(row).epochs, y: curveOf.get(row)[part], xaxis, yaxis,
      name: look.name, legendgroup: look.name, showlegend, opacity: 0.85,
      line: {color: (isDark() && darkColors[look.color]) || look.color, dash: look.dash,
        width: chosen.size && chosen.has(row) ? 3 : 1.5, ...line},
      meta: {row},
      hovertemplate: `${escapeMarkup(look.name)}, seed ${networks.seed[row]}, ${part}<br>`
        + 'epoch %{x}: %{y:.1f} meV/Å<extra></extra>'};
  }));
}

/** Lines of some networks' g(r) on the left and of what they differ by from the teacher's on the right, and his. */
function rdfTraces(rows) {
  const chosen = new Set(selectedRows());
  const named = new Set();
  const {r, teacher} = study.rdf;
  const lines = rows.filter((row) => rdfOf.has(row)).flatMap((row) => {
    const look = lookOf(row);
    const g = rdfOf.get(row);
    return [['x', 'y', g], ['x2', 'y2', g.map((height, index) => height - teacher[index])]].map(([xaxis, yaxis, y]) => {
      const showlegend = !named.has(look.name);
      named.add(look.name);
      return {type: 'scatter', mode: 'lines', x: r, y, xaxis, yaxis, name: look.name, legendgroup: look.name,
        showlegend, opacity: 0.8, meta: {row},
        line: {color: (isDark() && darkColors[look.color]) || look.color, dash: look.dash,
          width: chosen.has(row) ? 3 : 1.3},
        hovertemplate: `${escapeMarkup(look.name)}, seed ${networks.seed[row]}<br>`
          + '%{x:.2f} Å: %{y:.3f}<extra></extra>'};
    });
  });
  const look = study.looks.teacher;
  lines.push({type: 'scatter', mode: 'lines', x: r, y: teacher, xaxis: 'x', yaxis: 'y', name: look.name,
    legendgroup: look.name, line: {color: (isDark() && darkColors[look.color]) || look.color, width: 2},
    hovertemplate: 'Teacher<br>%{x:.2f} Å: %{y:.3f}<extra></extra>'});
  return lines;
}

/** What does not shrink by itself where there is little room: a scene, and the texts of parallel axes. */
function fitWidth(spec, width) {
  const {scene} = spec.layout;
  if (scene) Object.keys(scene.aspectratio).forEach((key) => { scene.aspectratio[key] *= Math.min(1, width / 850); });
  const size = Math.max(7, Math.min(12, width / 95));
  spec.data.filter((trace) => trace.dimensions).forEach((trace) => {
    Object.assign(trace, {labelfont: {size}, tickfont: {size: Math.min(size, 10)}});
  });
}

// Figures: what Plotly gets is made anew from the figure's JSON and the state each time, when the figure is in view.

// Plotly would offer to upload a figure; a report stays where it is.
const CONFIG = {responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: '',
  modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d'], toImageButtonOptions: {format: 'svg'}};
const CURVE_PANELS = [['train', 'x', 'y'], ['valid', 'x2', 'y2']];
const PRINT_WIDTH = 660;  // pixels; fits A4 and Letter
const waiting = [];  // figures to draw
let isPrinting = false;

const figures = Array.from(document.querySelectorAll('[data-figure]'), (panel) => ({
  name: panel.dataset.figure,
  panel,
  plot: panel.querySelector('.plot'),
  text: document.getElementById('data-' + panel.dataset.figure).textContent,
  points: [],  // of the last drawing: {curve, index, of, id, x}, from left to right
  active: -1,  // the point that the arrow keys have reached
  isNear: false,
  isFresh: false,
}));

function isDark() {
  return document.documentElement.dataset.theme === 'dark' && !isPrinting;
}

/** Data and layout, with dark colours where the page is dark. */
function parseFigure(text) {
  return JSON.parse(isDark() ? text.replace(/#[0-9a-fA-F]{6}\b/g, (color) => darkColors[color] || color) : text);
}

/** A figure as the state wants it. */
function buildFigure(figure) {
  const spec = parseFigure(figure.text);
  const menu = figure.panel.querySelector('.architectures');
  if (menu) {
    const rows = architectureRows(Number(menu.value));
    const lines = menu.id === 'rdf-menu' ? rdfTraces(rows) : curveTraces(rows, CURVE_PANELS);
    spec.data = [...spec.data.filter((trace) => trace.fill), ...lines];  // a band is of no architecture
  }
  state.flipped.forEach((key) => {
    const [name, letter] = key.split('.');
    if (name === figure.name) flipAxes(spec, letter);
  });
  spec.data.forEach(filterTrace);
  if (isFiltered()) spec.data.forEach((trace) => followPoints(trace, spec.data));
  figure.points = listPoints(spec.data);
  spec.data.push(...rings(spec.data));
  spec.layout.uirevision = 'kept';
  if (isPrinting) spec.layout.width = PRINT_WIDTH;
  fitWidth(spec, spec.layout.width || figure.plot.clientWidth);
  return spec;
}

/** Networks of the architecture chosen in a menu that carry claims and pass the filters, students first. */
function architectureRows(number) {
  const rows = (rowsOf.architecture.get(number) || []).filter((row) => networks.stage[row] === study.basis.stage
    && networks.role[row] !== 'teacher' && passes[row]);
  const isStudent = (row) => networks.role[row] === 'student';
  rows.sort((a, b) => isStudent(b) - isStudent(a));
  return rows;
}

function drawFigure(figure) {
  const spec = buildFigure(figure);
  figure.isFresh = true;
  Plotly.react(figure.plot, spec.data, spec.layout, CONFIG).then(() => { figure.plot.dataset.drawn = 'true'; });
  if (!figure.isWired) wireFigure(figure, spec);
  figure.switches.forEach((button, letter) => {
    const [axis] = axesOf(spec.layout, letter);
    button.setAttribute('aria-pressed', String(axis.type === 'log'));
  });
}

/** Every figure is stale: those in view are drawn soon, the rest when they come, and all at once for paper. */
function refreshFigures() {
  figures.forEach((figure) => {
    figure.isFresh = false;
    delete figure.plot.dataset.drawn;
    if (isPrinting) drawFigure(figure);
    else if (figure.isNear) drawSoon(figure);
  });
}

/** One figure after another, so that the page answers in between. */
function drawSoon(figure) {
  if (!waiting.includes(figure)) waiting.push(figure);
  if (waiting.length === 1) setTimeout(drawNext);
}

function drawNext() {
  const [figure] = waiting;
  if (figure.isNear && !figure.isFresh) drawFigure(figure);
  waiting.shift();
  if (waiting.length) setTimeout(drawNext);
  else performance.mark('figures in view drawn');
}

function wireFigure(figure, spec) {
  figure.isWired = true;
  figure.switches = new Map();
  const group = make('span', {class: 'scales', role: 'group', 'aria-label': 'Logarithmic axes'});
  switchable(spec).forEach((letter) => {
    const button = make('button', {type: 'button', title: `Logarithmic or linear ${letter} axis`}, `log ${letter}`);
    button.addEventListener('click', () => {
      const flipped = new Set(state.flipped);
      if (!flipped.delete(`${figure.name}.${letter}`)) flipped.add(`${figure.name}.${letter}`);
      update({flipped});
    });
    figure.switches.set(letter, button);
    group.append(button);
  });
  if (figure.switches.size) figure.panel.querySelector('.panel-head').append(group);
  figure.plot.on('plotly_click', (event) => pickPoint(event.points[0]));
  figure.plot.on('plotly_restyle', () => {
    const [trace] = figure.plot.data;
    if (trace.dimensions) update({ranges: readRanges(trace)});
  });
  figure.plot.addEventListener('keydown', (event) => stepThroughPoints(figure, event));
}

function pickPoint(point) {
  const {meta} = point.data;
  if (meta?.of) select(meta.of, rowsOf[meta.of].get(point.customdata)[0]);
  else if (meta?.row !== undefined) select('network', meta.row);
}

/** Arrow keys go from point to point from left to right; Enter opens the record. */
function stepThroughPoints(figure, event) {
  const last = figure.points.length - 1;
  const steps = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity};
  if (event.target !== figure.plot || last < 0) return;
  if (event.key in steps) {
    figure.active = Math.min(Math.max(figure.active + steps[event.key], 0), last);
    const point = figure.points[figure.active];
    say(`Point ${figure.active + 1} of ${last + 1}: ${LINES[point.of](point.id).slice(0, 5).join(', ')}`);
    if (!figure.plot.data[point.curve].z) {
      Plotly.Fx.hover(figure.plot, [{curveNumber: point.curve, pointNumber: point.index}]);
    }
  } else if ((event.key === 'Enter' || event.key === ' ') && figure.active >= 0 && figure.active <= last) {
    const point = figure.points[figure.active];
    select(point.of, rowsOf[point.of].get(point.id)[0]);
  } else {
    return;
  }
  event.preventDefault();
}

/** Figures are drawn when they come near the window, and drawn anew if they went stale meanwhile. */
function watchFigures() {
  const watcher = new IntersectionObserver((entries) => {
    entries.forEach((entry) => {
      const figure = figures.find((candidate) => candidate.plot === entry.target);
      figure.isNear = entry.isIntersecting;
      if (figure.isNear && !figure.isFresh) drawSoon(figure);
    });
    if (waiting.length === 0) performance.mark('figures in view drawn');
  }, {rootMargin: '50px'});
  figures.forEach((figure) => watcher.observe(figure.plot));
}

// Tables: sorted, filtered and selected with the figures. Long ones hold only the rows around those in view.

const WHOLE_TABLE = 300;  // rows up to which a table is written as a whole
const WINDOW = 120;  // rows of a long table that are there at a time

const tables = study ? Array.from(document.querySelectorAll('table[role=grid]'), makeTable) : [];

function makeTable(element) {
  const frame = element.id === 'costs' ? costs : networks;
  const all = Array.from({length: frame.n}, (_, row) => row);
  const table = {
    name: element.id,
    element,
    scroller: element.closest('.scroll'),
    body: element.tBodies[0],
    frame,
    columns: study.tables[element.id],
    all: element.id === 'failures' ? all.filter((row) => ['diverged', 'failed'].includes(frame.status[row])) : all,
    order: [],  // rows that are shown, in their order
    start: 0,  // place in `order` of the first row that is there
    active: 0,  // place in `order` of the row that Tab reaches
    rowHeight: 0,
  };
  Array.from(element.tHead.rows[0].cells).forEach((head, index) => {
    head.querySelector('button').addEventListener('click', () => sortBy(table, table.columns[index].field));
  });
  table.body.addEventListener('click', (event) => openRow(table, event.target.closest('tr[data-place]')));
  table.body.addEventListener('focusin', (event) => markActive(table, Number(event.target.dataset.place)));
  table.body.addEventListener('keydown', (event) => stepThroughRows(table, event));
  table.scroller.addEventListener('scroll', () => moveWindow(table), {passive: true});
  return table;
}

function sortBy(table, field) {
  const isAgain = state.sort && state.sort.table === table.name && state.sort.field === field;
  update({sort: {table: table.name, field, isDown: isAgain ? !state.sort.isDown : false}});
}

/** Rows in their order; those whose value is unknown are last in both directions. */
function orderedRows(table) {
  const rows = table.name === 'networks' ? table.all.filter((row) => passes[row]) : table.all.slice();
  const column = state.sort && state.sort.table === table.name
    && table.columns.find((candidate) => candidate.field === state.sort.field);
  Array.from(table.element.tHead.rows[0].cells).forEach((head, index) => {
    const isSorted = column && table.columns[index].field === column.field;
    head.setAttribute('aria-sort', isSorted ? (state.sort.isDown ? 'descending' : 'ascending') : 'none');
  });
  if (!column) return rows;
  const keys = new Map(rows.map((row) => [row, sortKey(table.frame, row, column)]));
  const isUnknown = (key) => key === '' || Number.isNaN(key);
  const sign = state.sort.isDown ? -1 : 1;
  return rows.sort((a, b) => {
    const [left, right] = [keys.get(a), keys.get(b)];
    if (isUnknown(left) || isUnknown(right)) return isUnknown(left) - isUnknown(right);
    return sign * (typeof left === 'string' ? left.localeCompare(right, 'en', {numeric: true}) : left - right);
  });
}

function refreshTables() {
  tables.forEach((table) => {
    const order = orderedRows(table);
    const isSame = order.length === table.order.length && order.every((row, place) => row === table.order[place]);
    if (!isSame || table.body.rows.length === 0) {
      Object.assign(table, {order, start: 0, active: 0});
      table.scroller.scrollTop = 0;
      writeRows(table);
    }
    markSelected(table);
  });
}

/** Write the rows that are there; blank rows stand for those above and below. */
function writeRows(table) {
  const {order} = table;
  const isLong = order.length > WHOLE_TABLE;
  const end = isLong ? Math.min(table.start + WINDOW, order.length) : order.length;
  table.element.classList.toggle('long', isLong);
  table.element.setAttribute('aria-rowcount', String(order.length + 1));
  const rows = order.slice(table.start, end).map((row, index) => writeRow(table, row, table.start + index));
  table.body.replaceChildren(blank(table, table.start), ...rows, blank(table, order.length - end));
  if (isLong && table.rowHeight === 0 && rows.length) {
    table.rowHeight = rows[0].getBoundingClientRect().height;
    writeRows(table);
  }
  table.scroller.querySelector('.more').textContent = isLong
    ? `${whole(end - table.start)} of ${whole(order.length)} rows are printed here; models.csv and costs.json hold all.`
    : '';
  if (order.length === 0) {
    const text = table.all.length ? 'No network passes the filters.' : 'Nothing yet.';
    table.body.append(make('tr', {}, make('td', {colspan: String(table.columns.length)}, text)));
  }
}

function writeRow(table, row, place) {
  const cells = table.columns.map((column) => make('td', isNumber(column) ? {class: 'num'} : {},
    CELLS[column.kind](table.frame, row, column)));
  const tabindex = place === table.active ? '0' : '-1';
  return make('tr', {'data-place': String(place), 'aria-rowindex': String(place + 2), tabindex}, ...cells);
}

function isNumber(column) {
  return ['number', 'whole', 'seed'].includes(column.kind);
}

function blank(table, n) {
  return n > 0 ? make('tr', {class: 'blank', 'aria-hidden': 'true', style: `height:${n * table.rowHeight}px`}) : '';
}

/** Keep the rows around those in view there. */
function moveWindow(table) {
  if (table.order.length <= WHOLE_TABLE || !table.rowHeight) return;
  const first = Math.floor(table.scroller.scrollTop / table.rowHeight);
  const end = table.start + WINDOW;
  if (first >= table.start && (first + WINDOW / 3 <= end || end >= table.order.length)) return;
  const hadFocus = table.body.contains(document.activeElement);
  table.start = Math.max(0, Math.min(first - WINDOW / 3, table.order.length - WINDOW));
  if (table.active < table.start || table.active >= table.start + WINDOW) table.active = first;
  writeRows(table);
  markSelected(table);
  if (hadFocus) rowAt(table, table.active).focus({preventScroll: true});
}

function rowAt(table, place) {
  return table.body.querySelector(`tr[data-place="${place}"]`);
}

/** Bring a row into the table's view, without moving the page. */
function reveal(table, place) {
  if (table.order.length > WHOLE_TABLE && !rowAt(table, place)) {
    table.start = Math.max(0, Math.min(place - WINDOW / 2, table.order.length - WINDOW));
    writeRows(table);
    markSelected(table);
  }
  const row = rowAt(table, place);
  const head = table.element.tHead.offsetHeight;
  const {scroller} = table;
  if (row.offsetTop - head < scroller.scrollTop) scroller.scrollTop = row.offsetTop - head;
  const bottom = row.offsetTop + row.offsetHeight;
  if (bottom > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = bottom - scroller.clientHeight;
}

/** The rows of a table that a row of networks stands for: itself, or the networks that share a cost. */
function standsFor(table, row) {
  if (table.frame !== costs) return [row];
  return Array.from(networks.cost.keys()).filter((other) => networks.cost[other] === row);
}

function markSelected(table) {
  const chosen = new Set(table.frame === costs ? selectedRows().map((row) => networks.cost[row]) : selectedRows());
  Array.from(table.body.querySelectorAll('tr[data-place]')).forEach((element) => {
    element.setAttribute('aria-selected', String(chosen.has(table.order[element.dataset.place])));
  });
}

/** Show the selected network in the table of networks, whatever it was selected from. */
function revealSelected() {
  const table = tables.find((candidate) => candidate.name === 'networks');
  if (!table || !state.select) return;
  const place = table.order.indexOf(state.select.row);
  if (place >= 0) reveal(table, place);
}

function openRow(table, element) {
  if (!element) return;
  markActive(table, Number(element.dataset.place));
  const [row] = standsFor(table, table.order[table.active]);
  if (row !== undefined) select(table.frame === costs ? 'architecture' : 'network', row);
}

/** Make a row the one that Tab reaches. */
function markActive(table, place) {
  const before = rowAt(table, table.active);
  if (before) before.tabIndex = -1;
  table.active = place;
  rowAt(table, place).tabIndex = 0;
}

function goTo(table, place) {
  reveal(table, place);
  rowAt(table, place).focus({preventScroll: true});
}

function stepThroughRows(table, event) {
  const last = table.order.length - 1;
  const page = 12;
  const steps = {ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity};
  if (event.key in steps) {
    goTo(table, Math.min(Math.max(table.active + steps[event.key], 0), last));
  } else if (event.key === 'Enter' || event.key === ' ') {
    openRow(table, event.target.closest('tr[data-place]'));
  } else {
    return;
  }
  event.preventDefault();
}

// The record of what is selected: everything known about its networks, their curves, and commands to go on with.

const record = {element: null, opener: null, shown: ''};

/** The run directory as the commands need it: where this page lies, or a place holder where that is unknown. */
function runDirectory() {
  if (location.protocol !== 'file:') return 'RUN';
  return quote(decodeURIComponent(location.pathname).replace(/\/[^/]*$/, ''));
}

/** Quoted for a shell where that is needed. */
function quote(text) {
  return /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function refreshRecord() {
  const key = state.select ? `${state.select.of}:${state.select.row}` : '';
  if (key === record.shown) return;
  record.shown = key;
  if (record.element) {
    Plotly.purge(record.element.querySelector('.record-curves') || record.element);
    record.element.remove();
    record.element = null;
  }
  if (state.select) openRecord();
  else if (record.opener && record.opener.isConnected) record.opener.focus({preventScroll: true});
}

function closeRecord() {
  update({select: null});
}

function openRecord() {
  if (!document.activeElement.closest('#record') && document.activeElement !== document.body) {
    record.opener = document.activeElement;
  }
  const {row, of} = state.select;
  const rows = selectedRows();
  const close = make('button', {type: 'button', class: 'close', 'aria-label': 'Close the record'}, '×');
  close.addEventListener('click', closeRecord);
  const mark = of === 'network' ? dot(lookOf(row)) : '';
  const title = make('h2', {id: 'record-title', tabindex: '-1'}, mark, networks.label[row]);
  const kind = of === 'network' ? `${roleText(row)}, ${networks.stage[row]} stage` : 'architecture';
  record.element = make('aside', {id: 'record', role: 'dialog', 'aria-labelledby': 'record-title'},
    make('header', {}, title, make('p', {}, `${kind}, ${plural(rows.length, 'network')}`), close),
    ...(of === 'network' ? [heading('Mean over seeds'), ...meanFacts(rows)] : []),
    heading(`${of === 'network' ? 'Seeds' : 'Networks'}, force RMSE in meV/Å`), seedTable(rows, of),
    ...curves(rows),
    heading('Commands'), ...commands(rows),
    heading('Architecture and training'), facts(settings(row)),
    ...(networks.cost[row] >= 0 ? [heading('Cost'), facts(costFacts(networks.cost[row]))] : []),
  );
  document.body.append(record.element);
  drawRecordCurves(rows);
  title.focus({preventScroll: true});
  say(`Record of ${networks.label[row]}, ${kind}. Escape closes it.`);
}

function heading(text) {
  return make('h3', {}, text);
}

function facts(pairs) {
  const items = pairs.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]);
  return make('dl', {class: 'facts'}, ...items);
}

function meanFacts(rows) {
  const averaged = averagedRows(rows);
  if (averaged.length === 0) return [make('p', {class: 'none'}, 'No network of these was trained to its end.')];
  const values = (field) => averaged.map((row) => 1e3 * networks[field][row]).filter(Number.isFinite);
  const errors = (field) => spread(values(field), '').trim();
  const pairs = [
    ['Force RMSE, test', `${errors('test_force_rmse_ev_per_ang')} meV/Å`],
    ['Force RMSE, validation', `${errors('valid_force_rmse_ev_per_ang')} meV/Å`],
    ['Force MAE, test', `${errors('test_force_mae_ev_per_ang')} meV/Å`],
    ['Energy RMSE, test', `${errors('test_energy_rmse_ev_per_atom')} meV/atom`],
    ['Energy RMSE, validation', `${errors('valid_energy_rmse_ev_per_atom')} meV/atom`],
    ['Energy MAE, test', `${errors('test_energy_mae_ev_per_atom')} meV/atom`],
  ];
  const rdf = averaged.map((row) => networks.rdf_error[row]).filter(Number.isFinite);
  if (rdf.length) pairs.push(['RDF error', `${spread(rdf, '').trim()} Å`]);
  const stable = averaged.map((row) => networks.md_stable_ps[row]).filter(Number.isFinite);
  const asked = averaged.map((row) => networks.md_asked_ps[row]).filter(Number.isFinite);
  const of = asked.length ? ` of ${number(average(asked))}` : '';
  if (stable.length) pairs.push(['Liquid MD sane for', `${number(average(stable))}${of} ps`]);
  const drift = averaged.map((row) => Math.abs(networks.nve_drift_ev_per_atom_ps[row])).filter(Number.isFinite);
  if (drift.length) pairs.push(['NVE drift of the liquid, size', `${exponent(average(drift))} eV/atom/ps`]);
  return [facts(pairs.filter(([, value]) => !value.startsWith('–') && !value.startsWith('NaN')))];
}

/** One line for every network: seed (or role), errors, epochs and how it ended. */
function seedTable(rows, of) {
  const heads = [of === 'network' ? 'Seed' : 'Network', 'Force valid', 'Force test', 'Epochs', 'Trained', 'Status'];
  const prefix = (row) => (of === 'network' ? '' : `${roleText(row)}, ${networks.stage[row]}, seed `);
  const line = (row) => [
    prefix(row) + networks.seed[row],
    number(1e3 * networks.valid_force_rmse_ev_per_ang[row], 4),
    number(1e3 * networks.test_force_rmse_ev_per_ang[row], 4),
    whole(networks.n_epochs[row]), `${whole(networks.train_s[row])} s`,
    networks.status[row] + (networks.reason[row] ? `: ${networks.reason[row]}` : ''),
  ];
  const isText = (index) => index === 5 || (index === 0 && of !== 'network');
  const cell = (tag) => (text, index) => make(tag, {class: isText(index) ? '' : 'num'}, text);
  return make('table', {class: 'seeds'},
    make('thead', {}, make('tr', {}, ...heads.map(cell('th')))),
    make('tbody', {}, ...rows.map((row) => make('tr', {}, ...line(row).map(cell('td'))))));
}

function curves(rows) {
  if (!rows.some((row) => curveOf.has(row))) return [];
  return [heading('Learning curves (training: dotted)'), make('div', {class: 'record-curves', role: 'img',
    'aria-label': 'Force RMSE against epoch, training dotted, validation full'})];
}

function drawRecordCurves(rows) {
  const plot = record.element.querySelector('.record-curves');
  if (!plot) return;
  const traces = curveTraces(rows, [['valid', 'x', 'y', {width: 1.8}], ['train', 'x', 'y', {dash: 'dot', width: 1}]]);
  const limits = smallestAndLargest(traces, 'y') || [1, 1];
  const ink = isDark() ? darkColors['#6b7280'] : '#6b7280';
  const grid = isDark() ? darkColors['#e8ebf0'] : '#e8ebf0';
  const axis = {color: ink, gridcolor: grid, zeroline: false};
  Plotly.newPlot(plot, traces, {
    height: 210, margin: {l: 48, r: 8, t: 8, b: 36}, showlegend: rows.length > 1 && state.select.of === 'architecture',
    legend: {orientation: 'h', y: -0.25}, paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
    font: {family: getComputedStyle(document.body).fontFamily, size: 11, color: ink},
    xaxis: {...axis, title: {text: 'Epoch', standoff: 4}},
    yaxis: {...axis, title: {text: 'Force RMSE (meV/Å)', standoff: 4}, ...logAxis(...limits)},
  }, {...CONFIG, displayModeBar: false});
}

/** Every command that a network offers, a line for each network, and a button that copies them. */
function commands(rows) {
  return study.commands.map((command) => {
    const lines = rows.map((row) => command.replace('RUN', () => runDirectory())
      .replaceAll('MODEL_ID', () => quote(networks.role[row] === 'teacher' ? 'teacher' : networks.model_id[row])));
    const copy = make('button', {type: 'button', class: 'copy'}, 'Copy');
    copy.addEventListener('click', () => copyText(lines.join('\n'), copy));
    const text = make('pre', {tabindex: '0', 'aria-label': 'Commands'}, lines.join('\n'));
    return make('div', {class: 'command'}, text, copy);
  });
}

function copyText(text, button) {
  const area = make('textarea', {class: 'hidden', 'aria-hidden': 'true'});
  area.value = text;  // the clipboard's own interface is closed to pages that are files
  button.after(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  button.focus();
  button.textContent = isCopied ? 'Copied' : 'Select and copy by hand';
  say(button.textContent);
  setTimeout(() => { button.textContent = 'Copy'; }, 2000);
}

function settings(row) {
  const digits = (name) => short(networks[name][row], 4);
  const pairs = [
    ['Features, sensitivities, atom layers', ['n_features', 'n_sensitivities', 'n_atom_layers'].map(digits).join(', ')],
    ['Interaction layers, l', ['n_interaction_layers', 'l_max'].map(digits).join(', ')],
    ['Cutoff, soft and hard', `${digits('dist_soft_max_ang')} and ${digits('dist_hard_max_ang')} Å`],
    ['Family, activation', `${networks.family[row] || 'hipnn'}, ${networks.activation[row] || '–'}`],
    ['Weights', whole(networks.n_weights[row])],
  ];
  if (state.select.of === 'network') {
    pairs.push(['Loss weights E / F / A', CELLS.loss(networks, row)],
      ['Learning rate, batch size', `${digits('learning_rate')}, ${digits('batch_size')}`]);
  }
  return pairs;
}

function costFacts(row) {
  const failing = costs.n_failed[row] >= 0 ? whole(costs.n_failed[row]) : 'none seen to';
  const largest = `${whole(costs.max_atoms[row])} atoms fit, ${failing} fail, in ${number(costs.budget_gib[row])} GiB`;
  return [
    ['MD step', `${number(costs.us_per_atom_step_median[row])} µs/atom, quartiles ${CELLS.quartiles(costs, row)}`],
    ...PARTS.map(([name, field]) => [`of it ${name}`, `${number(costs[field][row])} µs/atom`]),
    ['Atoms timed', `${whole(costs.n_atoms[row])}, ${number(costs.n_neighbors_mean[row])} neighbours each`],
    ['Memory', `${number(costs.bytes_per_atom[row] / 1e3)} kB/atom`],
    ['Largest system', largest],
    ['Engine', costs.engine[row]],
    ['Device', costs.device[row]],
  ];
}

// Start: connect the bar of filters, the theme, the address and printing with what shows them.

const live = make('p', {class: 'hidden', role: 'status', id: 'live'});
document.body.append(live);

/** Tell readers who do not see what changed. */
function say(text) {
  live.textContent = text;
}

function wireFilters() {
  const form = document.getElementById('filters');
  if (!form) return;
  form.querySelectorAll('[data-look]').forEach((place) => place.replaceWith(dot(study.looks[place.dataset.look])));
  const read = () => {
    const roles = Array.from(form.querySelectorAll('[name=role]'));
    const shown = roles.filter((role) => role.checked).map((role) => role.value);
    const menus = MENUS.filter((name) => form.elements[name]).map((name) => [name, form.elements[name].value]);
    update({
      roles: shown.length === roles.length ? null : new Set(shown),
      text: form.elements.text.value.trim(),
      ...Object.fromEntries(menus),
    });
  };
  let timer = 0;
  form.addEventListener('change', (event) => { if (event.target.name !== 'text') read(); });
  form.elements.text.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(read, 150);
  });
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', () => {
    state.ranges = new Map();
    setTimeout(read);
  });
}

/** The bar as the state has it, and how much is shown. */
function refreshFilters() {
  const form = document.getElementById('filters');
  if (!form) return;
  form.querySelectorAll('[name=role]').forEach((role) => {
    role.checked = state.roles === null || state.roles.has(role.value);
  });
  MENUS.filter((name) => form.elements[name]).forEach((name) => { form.elements[name].value = state[name]; });
  if (form.elements.text.value.trim() !== state.text) form.elements.text.value = state.text;
  const n = passes.filter(Boolean).length;
  const within = state.ranges.size ? ' within the ranges of figure 7' : '';
  document.getElementById('shown').textContent = isFiltered()
    ? `${whole(n)} of ${plural(networks.n, 'network')}${within}; a mean over seeds stays while one of its seeds passes`
    : plural(networks.n, 'network');
}

/** Menus of architectures all show the same one, as far as they have it. */
function wireArchitectureMenus() {
  document.querySelectorAll('.architectures').forEach((menu) => {
    menu.addEventListener('change', () => update({curves: menu.value}));
    listeners.unshift(() => { if (hasOption(menu, state.curves)) menu.value = state.curves; });
  });
}

function wireTheme() {
  const root = document.documentElement;
  const button = document.getElementById('theme');
  const apply = (theme) => {
    root.dataset.theme = theme;
    button.textContent = theme === 'dark' ? 'Light' : 'Dark';
    button.setAttribute('aria-label', `Change to ${theme === 'dark' ? 'light' : 'dark'} colours`);
    record.shown = null;  // its curves have colours, too
    announceChange();
  };
  button.addEventListener('click', () => {
    const theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
    try { localStorage.setItem('pareto-search-theme', theme); } catch (error) { /* storage may be forbidden */ }
    apply(theme);
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (event) => {
    let kept = null;
    try { kept = localStorage.getItem('pareto-search-theme'); } catch (error) { /* storage may be forbidden */ }
    if (!kept) apply(event.matches ? 'dark' : 'light');
  });
  apply(root.dataset.theme);
}

/** On paper every figure is drawn, in light colours and in one column. */
function wirePrinting() {
  const print = (isOn) => {
    if (isPrinting === isOn) return;
    isPrinting = isOn;
    refreshFigures();
  };
  window.addEventListener('beforeprint', () => print(true));
  window.addEventListener('afterprint', () => print(false));
  matchMedia('print').addEventListener('change', (event) => print(event.matches));
}

/** Links within the page scroll and leave the fragment to the state. */
function wireLinks() {
  document.querySelectorAll('nav a').forEach((link) => link.addEventListener('click', (event) => {
    event.preventDefault();
    const target = document.getElementById(link.hash.slice(1));
    target.setAttribute('tabindex', '-1');
    target.focus({preventScroll: true});
    target.scrollIntoView();
  }));
}

readFragment();
wireFilters();
wireArchitectureMenus();
listeners.push(refreshFilters, refreshTables, refreshFigures, refreshRecord, revealSelected);
wireTheme();
wirePrinting();
wireLinks();
watchFigures();
window.addEventListener('hashchange', () => {
  readFragment();
  announceChange();
});
document.addEventListener('keydown', (event) => { if (event.key === 'Escape' && state.select) closeRecord(); });

})();