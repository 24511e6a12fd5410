"""Style sheet and script of the pages; plain CSS and JavaScript, nothing is loaded from elsewhere."""

CSS = """
:root { --ink:#1f2937; --muted:#5b6472; --line:#e3e7ed; --page:#f5f6f8; --accent:#0072B2; --bad:#B4470A; --card:#fff; }
* { box-sizing:border-box; }
html { -webkit-text-size-adjust:100%; scroll-behavior:smooth; }
body { margin:0; background:var(--page); color:var(--ink); overflow-wrap:break-word;
  font:15px/1.55 Inter,"Segoe UI",system-ui,-apple-system,"Helvetica Neue",Arial,sans-serif; }
main, .top { max-width:1440px; margin:0 auto; padding:0 28px; }
header { background:var(--card); border-bottom:1px solid var(--line); }
.top { display:flex; flex-wrap:wrap; align-items:baseline; gap:4px 24px; padding-top:20px; padding-bottom:14px; }
h1 { font-size:24px; line-height:1.25; margin:0; letter-spacing:-.015em; font-weight:650; overflow-wrap:anywhere; }
.top p { margin:0; color:var(--muted); }
nav { margin-left:auto; display:flex; gap:18px; font-size:13.5px; }
nav a { color:var(--muted); text-decoration:none; } nav a:hover { color:var(--accent); }
a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible, summary:focus-visible {
  outline:2px solid var(--accent); outline-offset:2px; border-radius:3px; }
section { margin:30px 0 0; }
h2 { font-size:17px; font-weight:650; letter-spacing:-.01em; margin:0 0 12px; }
.sub { color:var(--muted); margin:-8px 0 12px; font-size:13.5px; max-width:95ch; }
.answer { background:var(--card); border:1px solid var(--line); border-left:5px solid #8a94a3; border-radius:10px;
  padding:20px 24px; }
.answer.better { border-left-color:var(--accent); } .answer.worse { border-left-color:var(--bad); }
.answer h2 { font-size:21px; margin-bottom:8px; }
.findings { margin:0; padding-left:20px; max-width:125ch; } .findings li { margin:3px 0; }
.findings li:first-child { font-weight:600; }
.cautions { margin:16px 0 0; padding:14px 18px; background:#fdf6ec; border-radius:8px; font-size:14px; }
.cautions h3 { margin:0 0 4px; font-size:13.5px; }
.cautions ul { margin:0; padding-left:20px; max-width:105ch; } .cautions li { margin:3px 0; }
.cards { display:grid; grid-template-columns:repeat(5,minmax(0,1fr)); gap:14px; margin-top:16px; }
.card { background:var(--card); border:1px solid var(--line); border-radius:10px; padding:14px 16px 13px;
  display:flex; flex-direction:column; }
.card .label { font-size:12.5px; color:var(--muted); }
.card .value { font-size:27px; line-height:1.25; font-weight:650; letter-spacing:-.02em; margin:2px 0 4px;
  font-variant-numeric:tabular-nums; white-space:nowrap; }
.card.good .value { color:var(--accent); } .card.bad .value { color:var(--bad); }
.card .detail { font-size:12.5px; line-height:1.45; color:var(--muted); }
.pair { display:grid; grid-template-columns:repeat(2,minmax(0,1fr)); gap:16px; }
.pair > .panel { height:100%; }
.pair + .pair, .pair + .panel, .panel + .pair { margin-top:16px; }
.panel { margin:0; background:var(--card); border:1px solid var(--line); border-radius:10px; padding:14px 16px 12px;
  min-width:0; display:flex; flex-direction:column; }
.panel-head { display:flex; flex-wrap:wrap; justify-content:space-between; align-items:center; gap:8px;
  min-height:32px; }
.panel h3 { font-size:15px; font-weight:600; margin:0; }
.panel h3 span { display:inline-block; min-width:26px; color:var(--accent); font-weight:700; margin-right:6px; }
.plot { width:100%; overflow:hidden; }
figcaption { border-top:1px solid var(--line); padding-top:10px; margin-top:6px; color:var(--muted); font-size:13.5px; }
select, input[type=search] { font:inherit; font-size:13.5px; color:inherit; background:#fff; border:1px solid #c3c9d3;
  border-radius:6px; padding:5px 9px; }
.tools { display:flex; flex-wrap:wrap; gap:12px; align-items:center; margin:0 0 10px; font-size:13.5px;
  color:var(--muted); }
.tools input { width:320px; max-width:100%; }
.scroll { background:var(--card); border:1px solid var(--line); border-radius:10px; overflow:auto; max-height:620px; }
table { border-collapse:separate; border-spacing:0; width:100%; font-size:12.5px; line-height:1.4; }
caption { position:absolute; width:1px; height:1px; overflow:hidden; clip-path:inset(50%); }
th { position:sticky; top:0; z-index:1; background:#f0f2f6; border-bottom:1px solid #d5dae2; padding:0;
  vertical-align:bottom; text-align:left; }
th button { all:unset; box-sizing:border-box; display:block; width:100%; cursor:pointer; padding:7px 8px;
  font-weight:600; }
th small { display:block; font-weight:400; color:var(--muted); font-size:11px; white-space:nowrap; }
th.num, td.num { text-align:right; }
th[aria-sort=ascending] button::after { content:" ▲"; font-size:9px; color:var(--accent); }
th[aria-sort=descending] button::after { content:" ▼"; font-size:9px; color:var(--accent); }
td { padding:5px 8px; border-bottom:1px solid #eef0f4; }
td.num { font-variant-numeric:tabular-nums; white-space:nowrap; }
td:first-child { position:sticky; left:0; background:#fff; } th:first-child { left:0; z-index:2; }
tbody tr:hover td { background:#f7fafd; }
.id { display:inline-block; max-width:150px; overflow:hidden; text-overflow:ellipsis; white-space:nowrap;
  vertical-align:bottom; }
.dot { display:inline-block; width:9px; height:9px; border-radius:50%; margin-right:6px; }
.dot.square { border-radius:1px; } .dot.diamond { border-radius:1px; transform:rotate(45deg) scale(.85); }
.dot.star { clip-path:polygon(50% 0,62% 36%,100% 36%,70% 58%,81% 95%,50% 73%,19% 95%,30% 58%,0 36%,38% 36%);
  width:12px; height:12px; margin:0 4px -1px -1px; border-radius:0; }
.dot.triangle-up { clip-path:polygon(50% 0,100% 100%,0 100%); border-radius:0; }
.nowrap { white-space:nowrap; }
.tag { display:inline-block; padding:0 7px; border-radius:9px; background:#eef0f4; color:var(--muted); }
.tag.diverged, .tag.failed { background:#fbe9df; color:#8f3606; } .tag.complete { background:#e5f1f8; color:#00527f; }
.split { display:flex; height:10px; min-width:110px; border-radius:2px; overflow:hidden; }
.split i { display:block; height:100%; }
.key { display:inline-flex; align-items:center; gap:5px; margin-right:14px; }
.key i { width:10px; height:10px; border-radius:2px; }
.box { background:var(--card); border:1px solid var(--line); border-radius:10px; padding:16px 20px; }
.facts { display:grid; grid-template-columns:minmax(120px,max-content) 1fr; gap:3px 20px; margin:0; font-size:13.5px; }
.facts dt { color:var(--muted); } .facts dd { margin:0; overflow-wrap:anywhere; }
.columns { display:grid; grid-template-columns:repeat(2,minmax(0,1fr)); gap:16px; align-items:start; }
.box h3 { font-size:14px; margin:0 0 8px; } .box ul { margin:0 0 10px; padding-left:20px; font-size:13.5px; }
details { margin-top:14px; } summary { cursor:pointer; font-size:14px; color:var(--accent); }
pre { overflow:auto; max-height:480px; background:#f7f8fa; border:1px solid var(--line); border-radius:8px;
  padding:12px 14px; font:12.5px/1.5 ui-monospace,"SF Mono",Menlo,Consolas,monospace; }
.none { color:var(--muted); margin:0; }
footer { color:var(--muted); font-size:12.5px; padding:26px 0 40px; }
@media (max-width:1240px) { .cards { grid-template-columns:repeat(6,minmax(0,1fr)); } .card { grid-column:span 2; }
  .card:nth-child(n+4) { grid-column:span 3; } }
@media (max-width:1100px) { td, th button { padding-left:5px; padding-right:5px; } table { font-size:12px; }
  .pair, .columns { grid-template-columns:minmax(0,1fr); } nav { margin-left:0; } }
@media (max-width:640px) { .cards { display:block; } .card { margin-top:10px; } main, .top { padding-left:16px;
  padding-right:16px; } }
@media (prefers-reduced-motion:reduce) { html { scroll-behavior:auto; } }
@media print { body { background:#fff; } nav, .tools { display:none; } .scroll { max-height:none; overflow:visible; }
  .panel, .card, .answer { break-inside:avoid; } }
"""

SCRIPT = """
'use strict';
(function () {
  const config = {responsive: true, displaylogo: false, modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d'],
    toImageButtonOptions: {format: 'svg'}};
  document.querySelectorAll('.plot').forEach(function (element) {
    const source = document.getElementById('data-' + element.dataset.figure);
    const figure = JSON.parse(source.textContent);
    Plotly.newPlot(element, figure.data, figure.layout, config);
  });

  const menu = document.getElementById('curve-menu');
  if (menu) {
    menu.addEventListener('change', function () {
      const element = document.querySelector('[data-figure="' + menu.dataset.target + '"]');
      const shown = new Set(JSON.parse(menu.selectedOptions[0].dataset.traces));
      Plotly.restyle(element, {visible: element.data.map(function (_, index) { return shown.has(index); })});
    });
  }

  function key(row, column, isNumber) {
    const cell = row.cells[column];
    if (!isNumber) return cell.textContent.trim();
    const text = cell.dataset.v;
    return text === undefined || text === '' ? null : Number(text);
  }
  function sort(table, column) {
    const head = table.tHead.rows[0].cells[column];
    const isNumber = head.classList.contains('num');
    const sign = head.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
    Array.from(table.tHead.rows[0].cells).forEach(function (cell) { cell.setAttribute('aria-sort', 'none'); });
    head.setAttribute('aria-sort', sign === 1 ? 'ascending' : 'descending');
    const body = table.tBodies[0];
    const rows = Array.from(body.rows).map(function (row) { return [key(row, column, isNumber), row]; });
    rows.sort(function (a, b) {
      if (a[0] === b[0]) return 0;
      if (a[0] === null || a[0] === '') return 1;
      if (b[0] === null || b[0] === '') return -1;
      return sign * (isNumber ? a[0] - b[0] : a[0].localeCompare(b[0], 'en', {numeric: true}));
    });
    rows.forEach(function (pair) { body.appendChild(pair[1]); });
  }
  document.querySelectorAll('table.sortable').forEach(function (table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (head, column) {
      head.querySelector('button').addEventListener('click', function () { sort(table, column); });
    });
  });

  document.querySelectorAll('input[data-filters]').forEach(function (input) {
    const rows = Array.from(document.getElementById(input.dataset.filters).tBodies[0].rows);
    const count = document.getElementById(input.dataset.filters + '-count');
    const texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
    function filter() {
      const words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach(function (row, index) {
        row.hidden = !words.every(function (word) { return texts[index].includes(word); });
        if (!row.hidden) shown += 1;
      });
      count.textContent = shown + ' of ' + rows.length + ' networks';
    }
    input.addEventListener('input', filter);
    filter();
  });
})();
"""
