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
