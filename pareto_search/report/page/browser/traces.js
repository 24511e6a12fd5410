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
