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
