// What Dash calls in the browser, as `ClientsideFunction('live', NAME)`.
(function () {
  'use strict';
  const asked = {n: 0, at: 0, click: 0};  // the last request: its number, when it was sent, and after which click

  /**
   * Requests what is new: at once after a click, else at the clock's ticks, but neither while an answer is awaited, so
   * that a slow line is not flooded and no answer overtaken, nor while the page is hidden.
   */
  function ask(tick, clicked, seen) {
    const click = clicked ? clicked.at : 0, isAnswered = seen && Number(seen.answer) >= asked.n;
    const isBusy = asked.n > 0 && (document.hidden || (!isAnswered && Date.now() - asked.at < 60000));
    if (isBusy && click === asked.click) return window.dash_clientside.no_update;
    Object.assign(asked, {n: asked.n + 1, at: Date.now(), click: click});
    return {n: asked.n, kind: clicked ? clicked.kind : '', name: clicked ? clicked.name : ''};
  }

  /** Turns a click on a point into a choice, and forgets the click, so that the same point may be clicked again. */
  function point(...clicks) {
    const none = window.dash_clientside.no_update, index = clicks.findIndex(function (click) { return click; });
    if (index < 0) return [none].concat(clicks.map(function () { return none; }));
    const name = clicks[index].points[0].customdata, isTrial = index === 0;
    const choice = name === undefined || name === '' || name === null ? none
      : {kind: isTrial ? 'trial' : 'network', name: String(name), at: Date.now()};
    return [choice].concat(clicks.map(function () { return null; }));
  }

  /** Draws a figure that came, with the axes as the reader has zoomed them: no version of Dash keeps them reliably. */
  function keep(figure, id) {
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

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.live = {ask: ask, point: point, keep: keep};
})();
