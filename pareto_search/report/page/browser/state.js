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
