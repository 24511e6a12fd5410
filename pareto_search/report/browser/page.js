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
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
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
