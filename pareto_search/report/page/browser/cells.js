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
