"""Style sheet and script that the live page has besides the report's."""

LIVE_CSS = """
.state { display:inline-flex; align-items:center; gap:8px; padding:3px 12px; border-radius:14px; background:#eef0f4;
  font-size:13.5px; color:var(--ink); }
.state::before { content:""; width:9px; height:9px; border-radius:50%; background:#8a94a3; }
.state.running::before { background:#009E73; } .state.ended::before { background:#0072B2; }
.state.quiet::before { background:#E69F00; } .state.dead::before { background:#B4470A; }
.state.dead { background:#fbe9df; color:#8f3606; }
.warning { flex-basis:100%; color:#8f3606; } .warning:empty { display:none; }
#lost { background:#fbe9df; color:#8f3606; padding:8px 28px; font-size:13.5px; }
#lost[hidden] { display:none; }
.live .cards { grid-template-columns:repeat(6,minmax(0,1fr)); margin-top:22px; }
.live .card { grid-column:auto; }
.live .card .value { font-size:21px; overflow:hidden; text-overflow:ellipsis; }
.live figcaption { min-height:54px; }
.live th { padding:7px 8px; font-weight:600; }
@media (max-width:1100px) { .live th { padding-left:5px; padding-right:5px; } }
.live .scroll { max-height:430px; }
.live tr.choose { cursor:pointer; } .live tr.chosen td { background:#e5f1f8; }
.live td button { all:unset; cursor:pointer; color:var(--accent); font-weight:600; }
.live td button:focus-visible { outline:2px solid var(--accent); outline-offset:2px; border-radius:3px; }
.live td:last-child { min-width:180px; overflow-wrap:anywhere; }
.tag.training { background:#e5f1f8; color:#00527f; }
.tag.waiting, .tag.interrupted { background:#fdf1d8; color:#7a5200; }
.tag.infeasible { background:#fbe9df; color:#8f3606; } .tag.complete { background:#e0f3ec; color:#00614a; }
.live .scroll + .none { margin:6px 2px 0; font-size:13px; }
#drawer { position:fixed; top:0; right:0; bottom:0; width:min(460px,94vw); overflow:auto; z-index:1000;
  padding:18px 22px; background:var(--card); border-left:1px solid var(--line);
  box-shadow:-8px 0 24px rgba(31,41,55,.12); }
#drawer[hidden] { display:none; } #drawer:focus { outline:none; }
#drawer h2 { overflow-wrap:anywhere; padding-right:40px; } #drawer h3 { font-size:14px; margin:16px 0 6px; }
#drawer .facts { font-size:12.5px; grid-template-columns:minmax(90px,42%) 1fr; }
#drawer .facts dt { overflow-wrap:anywhere; }
#close { all:unset; position:absolute; top:14px; right:16px; cursor:pointer; font-size:22px; line-height:1;
  padding:6px 10px; color:var(--muted); border-radius:6px; }
#close:focus-visible, #drawer .more:focus-visible { outline:2px solid var(--accent); outline-offset:2px; }
#drawer .more { all:unset; display:block; cursor:pointer; color:var(--accent); font-size:12.5px; margin:4px 0;
  overflow-wrap:anywhere; }
._dash-loading { padding:60px; text-align:center; color:#5b6472; font:15px system-ui; }
@media (max-width:1240px) { .live .cards { grid-template-columns:repeat(3,minmax(0,1fr)); } }
@media (max-width:640px) { .live .cards { display:grid; grid-template-columns:repeat(2,minmax(0,1fr)); } }
@media (prefers-color-scheme:dark) {
  :root { --ink:#e4e8ee; --muted:#9aa4b2; --line:#2a313c; --page:#10141a; --accent:#56B4E9; --bad:#f08a4b;
    --card:#171c24; color-scheme:dark; }
  .live .plot { filter:invert(.91) hue-rotate(180deg); }
  .live th { background:#1e242e; border-bottom-color:#37404d; } .live td { border-bottom-color:#232a34; }
  .live td:first-child { background:var(--card); } .live th:first-child { background:#1e242e; }
  .live tbody tr:hover td { background:#1d2530; } .live tr.chosen td { background:#17303f; }
  .state, .tag { background:#242b36; }
  .tag.training { background:#12354a; color:#9fd3f3; } .tag.complete { background:#0d3a2e; color:#8fdcc3; }
  .tag.waiting, .tag.interrupted { background:#43340f; color:#f3cf86; }
  .tag.infeasible, .tag.failed, .tag.diverged, .state.dead, #lost { background:#472413; color:#f6b592; }
  .warning { color:#f6b592; }
}
"""

#: Clicks on rows and on links of the drawer, the drawer's focus, and a notice when the server no longer answers.
LIVE_SCRIPT = """
'use strict';
(function () {
  let row = null, opener = null;  // of the row that has the focus, and of the one that was chosen: kind and name
  function choose(kind, name) {
    window.dash_clientside.set_props('clicked', {data: {kind: kind, name: name, at: Date.now()}});
  }
  function keyOf(element) {
    const found = element.closest && element.closest('tr[data-kind]');
    return found ? [found.dataset.kind, found.dataset.name] : null;
  }
  function focusRow(key) {
    const found = key && Array.from(document.querySelectorAll('tr[data-kind]')).find(function (element) {
      return element.dataset.kind === key[0] && element.dataset.name === key[1];
    });
    if (found) found.querySelector('button').focus({preventScroll: true});
  }
  document.addEventListener('focusin', function (event) { row = keyOf(event.target); });
  document.addEventListener('mousedown', function (event) { row = keyOf(event.target); });
  document.addEventListener('click', function (event) {
    const target = event.target.closest('[data-kind]');
    if (!target) return;
    opener = keyOf(target) || opener;
    choose(target.dataset.kind, target.dataset.name);
  });
  document.addEventListener('keydown', function (event) {
    const drawer = document.getElementById('drawer');
    if (event.key === 'Escape' && drawer && !drawer.hidden) choose('', '');
  });
  new MutationObserver(function (changes) {
    const drawer = document.getElementById('drawer');
    if (changes.some(function (change) { return change.type === 'attributes' && change.target === drawer; })) {
      if (drawer.hidden) focusRow(opener);
      else { drawer.scrollTop = 0; drawer.focus(); }
    } else if (row && document.activeElement === document.body) {
      focusRow(row);  // a table that is made anew takes the focus with it
    }
  }).observe(document.documentElement, {subtree: true, childList: true, attributeFilter: ['data-shown']});

  let seen = null, since = Date.now();
  setInterval(function () {
    const pulse = document.getElementById('cards'), notice = document.getElementById('lost');
    if (!pulse || !notice) return;
    if (pulse.dataset.at !== seen || document.hidden) { seen = pulse.dataset.at; since = Date.now(); }
    const silent = Date.now() - since;
    notice.hidden = silent < 15000;
    if (!notice.hidden) notice.textContent = 'No answer from the dashboard for ' + Math.round(silent / 1000) +
      ' s: what is shown is old. Is pareto-search dashboard still running, and the tunnel open?';
  }, 1000);
})();
"""

#: Asks for what is new: at once after a click, else at the clock's ticks, but neither while an answer is waited for, so
#: that a slow line is not flooded and no answer overtaken, nor while nobody looks.
ASK_JS = """
function (tick, clicked, seen) {
  const live = window.paretoSearchLive = window.paretoSearchLive || {n: 0, at: 0, click: 0};
  const click = clicked ? clicked.at : 0, isAnswered = seen && Number(seen.answer) >= live.n;
  const isBusy = live.n > 0 && (document.hidden || (!isAnswered && Date.now() - live.at < 60000));
  if (isBusy && click === live.click) return window.dash_clientside.no_update;
  Object.assign(live, {n: live.n + 1, at: Date.now(), click: click});
  return {n: live.n, kind: clicked ? clicked.kind : '', name: clicked ? clicked.name : ''};
}
"""

#: Turns a click on a point into a choice, and forgets the click, so that the same point may be clicked again.
POINT_JS = """
function (...clicks) {
  const none = window.dash_clientside.no_update, index = clicks.findIndex(function (click) { return click; });
  if (index < 0) return [none].concat(clicks.map(function () { return none; }));
  const name = clicks[index].points[0].customdata, isTrial = index === 0;
  const choice = name === undefined || name === '' || name === null ? none
    : {kind: isTrial ? 'trial' : 'network', name: String(name), at: Date.now()};
  return [choice].concat(clicks.map(function () { return null; }));
}
"""

#: Draws a figure that came, with the axes as the reader has zoomed them: Dash keeps them itself in no version for sure.
KEEP_JS = """
function (figure, id) {
  const graph = document.querySelector('#' + id + ' .js-plotly-plot'), full = graph && graph._fullLayout;
  if (!figure || !full) return figure || window.dash_clientside.no_update;
  const layout = Object.assign({}, figure.layout, {dragmode: full.dragmode});
  ['xaxis', 'yaxis'].forEach(function (name) {
    const old = full[name], isZoomed = old && old.autorange === false;
    if (isZoomed && layout[name].autorange && (layout[name].type || 'linear') === old.type) {
      layout[name] = Object.assign({}, layout[name], {range: old.range.slice(), autorange: false});
    }
  });
  return Object.assign({}, figure, {layout: layout});
}
"""
