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
