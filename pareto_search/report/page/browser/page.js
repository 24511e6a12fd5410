// Start: connect the bar of filters, the theme, the address and printing with what shows them.

const live = make('p', {class: 'hidden', role: 'status', id: 'live'});
document.body.append(live);

/** Tell readers who do not see what changed. */
function say(text) {
  live.textContent = text;
}

function wireFilters() {
  const form = document.getElementById('filters');
  if (!form) return;
  form.querySelectorAll('[data-look]').forEach((place) => place.replaceWith(dot(study.looks[place.dataset.look])));
  const read = () => {
    const roles = Array.from(form.querySelectorAll('[name=role]'));
    const shown = roles.filter((role) => role.checked).map((role) => role.value);
    const menus = MENUS.filter((name) => form.elements[name]).map((name) => [name, form.elements[name].value]);
    update({
      roles: shown.length === roles.length ? null : new Set(shown),
      text: form.elements.text.value.trim(),
      ...Object.fromEntries(menus),
    });
  };
  let timer = 0;
  form.addEventListener('change', (event) => { if (event.target.name !== 'text') read(); });
  form.elements.text.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(read, 150);
  });
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', () => {
    state.ranges = new Map();
    setTimeout(read);
  });
}

/** The bar as the state has it, and how much is shown. */
function refreshFilters() {
  const form = document.getElementById('filters');
  if (!form) return;
  form.querySelectorAll('[name=role]').forEach((role) => {
    role.checked = state.roles === null || state.roles.has(role.value);
  });
  MENUS.filter((name) => form.elements[name]).forEach((name) => { form.elements[name].value = state[name]; });
  if (form.elements.text.value.trim() !== state.text) form.elements.text.value = state.text;
  const n = passes.filter(Boolean).length;
  const within = state.ranges.size ? ' within the ranges of figure 7' : '';
  document.getElementById('shown').textContent = isFiltered()
    ? `${whole(n)} of ${plural(networks.n, 'network')}${within}; a mean over seeds stays while one of its seeds passes`
    : plural(networks.n, 'network');
}

/** Menus of architectures all show the same one, as far as they have it. */
function wireArchitectureMenus() {
  document.querySelectorAll('.architectures').forEach((menu) => {
    menu.addEventListener('change', () => update({curves: menu.value}));
    listeners.unshift(() => { if (hasOption(menu, state.curves)) menu.value = state.curves; });
  });
}

function wireTheme() {
  const root = document.documentElement;
  const button = document.getElementById('theme');
  const apply = (theme) => {
    root.dataset.theme = theme;
    button.textContent = theme === 'dark' ? 'Light' : 'Dark';
    button.setAttribute('aria-label', `Change to ${theme === 'dark' ? 'light' : 'dark'} colours`);
    record.shown = null;  // its curves have colours, too
    announceChange();
  };
  button.addEventListener('click', () => {
    const theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
    try { localStorage.setItem('pareto-search-theme', theme); } catch (error) { /* storage may be forbidden */ }
    apply(theme);
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (event) => {
    let kept = null;
    try { kept = localStorage.getItem('pareto-search-theme'); } catch (error) { /* storage may be forbidden */ }
    if (!kept) apply(event.matches ? 'dark' : 'light');
  });
  apply(root.dataset.theme);
}

/** On paper every figure is drawn, in light colours and in one column. */
function wirePrinting() {
  const print = (isOn) => {
    if (isPrinting === isOn) return;
    isPrinting = isOn;
    refreshFigures();
  };
  window.addEventListener('beforeprint', () => print(true));
  window.addEventListener('afterprint', () => print(false));
  matchMedia('print').addEventListener('change', (event) => print(event.matches));
}

/** Links within the page scroll and leave the fragment to the state. */
function wireLinks() {
  document.querySelectorAll('nav a').forEach((link) => link.addEventListener('click', (event) => {
    event.preventDefault();
    const target = document.getElementById(link.hash.slice(1));
    target.setAttribute('tabindex', '-1');
    target.focus({preventScroll: true});
    target.scrollIntoView();
  }));
}

readFragment();
wireFilters();
wireArchitectureMenus();
listeners.push(refreshFilters, refreshTables, refreshFigures, refreshRecord, revealSelected);
wireTheme();
wirePrinting();
wireLinks();
watchFigures();
window.addEventListener('hashchange', () => {
  readFragment();
  announceChange();
});
document.addEventListener('keydown', (event) => { if (event.key === 'Escape' && state.select) closeRecord(); });
