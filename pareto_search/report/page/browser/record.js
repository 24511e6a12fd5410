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
    ['Family', networks.family[row] || '–'],
    ...Object.entries(study.hyperparameters)
      .filter(([name]) => networks[name][row] !== '' && !Number.isNaN(networks[name][row]))
      .map(([name, title]) => [title, typeof networks[name][row] === 'number' ? digits(name) : networks[name][row]]),
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
