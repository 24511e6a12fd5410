// Clicks on rows and on links of the drawer, the drawer's focus, and a notice when the server does not answer any more.
(function () {
  'use strict';
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
