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
