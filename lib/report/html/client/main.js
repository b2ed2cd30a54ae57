// Draws the charts of the page, and draws them anew where its colours change.
/* global View, document, root, window */

const charts = JSON.parse(document.getElementById('charts').textContent);
const views = charts.map((chart) => new View(document.getElementById(`chart-${chart.id}`), chart));
const redraw = () => views.forEach((view) => view.draw());
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
window.addEventListener('beforeprint', () => {
  root.classList.add('print');
  redraw();
});
window.addEventListener('afterprint', () => {
  root.classList.remove('print');
  redraw();
});
