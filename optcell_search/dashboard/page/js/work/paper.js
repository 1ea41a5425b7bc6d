/* Printing: everything is drawn, on white, at the width of the paper, and then put back. */

/* So many of the trials are worth their paper. */
const ROWS_ON_PAPER = 500;

function toPaper() {
  if (onPaper || !current()) return;
  onPaper = true;
  document.documentElement.dataset.paper = "yes";
  const { limit } = tableView;
  tableView.limit = Math.max(limit, ROWS_ON_PAPER);
  for (const details of document.querySelectorAll("details:not([open]):not(.columns)")) {
    details.open = true;
    details.dataset.shut = "yes";
  }
  redrawAll();
  tableView.limit = limit;
}

function fromPaper() {
  if (!onPaper) return;
  onPaper = false;
  delete document.documentElement.dataset.paper;
  for (const details of document.querySelectorAll("details[data-shut]")) {
    details.open = false;
    delete details.dataset.shut;
  }
  redrawAll();
}

/* At once: the browser takes its picture of the page when this is done. */
function redrawAll() {
  const run = current();
  for (const one of views) {
    one.stale = "draw";
    bring(one, run);
  }
  for (const chart of document.querySelectorAll(".figure")) if (chart.data) Plotly.Plots.resize(chart);
  for (const table of document.querySelectorAll(".wide > table")) {
    // One of many columns is made smaller, as a whole.
    table.style.zoom = "";
    const room = table.parentElement.clientWidth / table.scrollWidth;
    if (onPaper && room < 1) table.style.zoom = room;
  }
}

window.addEventListener("beforeprint", toPaper);
window.addEventListener("afterprint", fromPaper);
matchMedia("print").addEventListener("change", (event) => (event.matches ? toPaper() : fromPaper()));
