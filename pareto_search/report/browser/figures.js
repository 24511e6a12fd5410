// Figures: what Plotly gets is made anew from the figure's JSON and the state each time, when the figure is in view.

// Plotly would offer to upload a figure; a report stays where it is.
const CONFIG = {responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: '',
  modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d'], toImageButtonOptions: {format: 'svg'}};
const PRINT_WIDTH = 660;  // pixels; fits A4 and Letter
const POINT_ARRAYS = ['x', 'y', 'z', 'customdata', 'text'];
const CURVES = 'fig4';
const waiting = [];  // figures to draw
let isPrinting = false;

const figures = Array.from(document.querySelectorAll('[data-figure]'), (panel) => ({
  name: panel.dataset.figure,
  panel,
  plot: panel.querySelector('.plot'),
  text: document.getElementById('data-' + panel.dataset.figure).textContent,
  points: [],  // of the last drawing: {curve, index, of, number, x}, from left to right
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
  if (figure.name === CURVES) spec.data = architectureCurves() || spec.data;
  const ends = spec.data.map((trace) => (trace.meta && trace.meta.front_of ? trace.x[trace.x.length - 1] : null));
  state.flipped.forEach((key) => {
    const [name, letter] = key.split('.');
    if (name === figure.name) flipAxes(spec, letter);
  });
  spec.data.forEach(filterTrace);
  if (isFiltered()) spec.data.forEach((trace, index) => followPoints(trace, spec.data, ends[index]));
  figure.points = listPoints(spec.data);
  spec.data.push(...rings(spec.data));
  spec.layout.uirevision = 'kept';
  if (isPrinting) spec.layout.width = PRINT_WIDTH;
  fitWidth(spec, spec.layout.width || figure.plot.clientWidth);
  return spec;
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

/** Leave out the points whose networks are all filtered out, and give the others their texts. */
function filterTrace(trace) {
  if (!trace.meta || !trace.meta.of || !trace.customdata) return;
  const kept = trace.customdata.map((number_) => number_ === null || pointPasses(trace.meta.of, number_));
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
  } else {
    trace.text = trace.customdata.map((number_) => hoverText(trace.meta.of, number_));
    trace.hovertemplate = '%{text}<extra></extra>';
  }
  if (trace.customdata.length === 0) trace.visible = false;
}

/** Lines without points of their own follow the points of their legend group; fronts are drawn through what is left. */
function followPoints(trace, traces, end) {
  if ((trace.meta && trace.meta.of) || !trace.legendgroup) return;
  const points = traces.filter((other) => other.meta && other.meta.of && other.mode === 'markers'
    && other.legendgroup === trace.legendgroup);
  if (points.length === 0) return;
  if (points.every((other) => other.visible === false)) trace.visible = false;
  else if (trace.meta && trace.meta.front_of) Object.assign(trace, front(points, end));
}

/** The step line below which no point lies, drawn on to `end`. */
function front(traces, end) {
  const places = traces.flatMap((trace) => trace.x.map((x, index) => [x, trace.y[index]]))
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const kept = [];
  places.forEach((place) => { if (!kept.length || place[1] < kept[kept.length - 1][1]) kept.push(place); });
  const last = kept[kept.length - 1];
  return {x: [...kept.map((place) => place[0]), Math.max(end, last[0])], y: [...kept.map((place) => place[1]), last[1]]};
}

function listPoints(traces) {
  const points = traces.flatMap((trace, curve) => (
    trace.meta && trace.meta.of && trace.mode === 'markers' && trace.visible !== false
      ? trace.customdata.map((number_, index) => ({curve, index, of: trace.meta.of, number: number_, x: trace.x[index]}))
      : []));
  return points.sort((a, b) => a.x - b.x);
}

/** Rings around the points of the selected networks. */
function rings(traces) {
  const chosen = new Set(selectedRows());
  if (chosen.size === 0) return [];
  const isChosen = (of, number_) => rowsOf[of].get(number_).some((row) => chosen.has(row));
  return traces.filter((trace) => trace.meta && trace.meta.of && trace.mode === 'markers').map((trace) => {
    const indexes = trace.customdata.map((_, index) => index)
      .filter((index) => isChosen(trace.meta.of, trace.customdata[index]));
    const ring = {type: trace.type, mode: 'markers', name: 'Selected', showlegend: false, hoverinfo: 'skip',
      marker: {symbol: 'circle-open', size: trace.z ? 14 : 19, color: isDark() ? '#ffffff' : '#000000', line: {width: 2.5}}};
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

/** Curves of the architecture chosen in the menu. */
function architectureCurves() {
  const menu = document.getElementById('curve-menu');
  if (!menu || !study) return null;
  const rows = Array.from({length: networks.n}, (_, row) => row).filter((row) => networks.label[row] === menu.value
    && networks.stage[row] === study.basis.stage && networks.role[row] !== 'teacher' && passes[row]);
  const isStudent = (row) => networks.role[row] === 'student';
  rows.sort((a, b) => isStudent(b) - isStudent(a));
  return curveTraces(rows, [['train', 'x', 'y'], ['valid', 'x2', 'y2']]);
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
  figure.plot.addEventListener('keydown', (event) => stepThroughPoints(figure, event));
}

function pickPoint(point) {
  const {meta} = point.data;
  if (meta && meta.of) select(meta.of, rowsOf[meta.of].get(point.customdata)[0]);
  else if (meta && meta.row !== undefined) select('network', meta.row);
}

/** Arrow keys go from point to point from left to right; Enter opens the record. */
function stepThroughPoints(figure, event) {
  const last = figure.points.length - 1;
  const steps = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity};
  if (event.target !== figure.plot || last < 0) return;
  if (event.key in steps) {
    figure.active = Math.min(Math.max(figure.active + steps[event.key], 0), last);
    const point = figure.points[figure.active];
    say(`Point ${figure.active + 1} of ${last + 1}: ${LINES[point.of](point.number).slice(0, 5).join(', ')}`);
    if (!figure.plot.data[point.curve].z) {
      Plotly.Fx.hover(figure.plot, [{curveNumber: point.curve, pointNumber: point.index}]);
    }
  } else if ((event.key === 'Enter' || event.key === ' ') && figure.active >= 0 && figure.active <= last) {
    const point = figure.points[figure.active];
    select(point.of, rowsOf[point.of].get(point.number)[0]);
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
