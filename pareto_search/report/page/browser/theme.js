// Runs in the head, before anything is shown: the reader's choice, else the system's.
document.documentElement.dataset.theme = (function () {
  let kept = null;
  try { kept = localStorage.getItem('pareto-search-theme'); } catch (error) { /* storage may be forbidden */ }
  return kept || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
})();
