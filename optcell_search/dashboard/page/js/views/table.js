/* The trials as a table: sorted by its heads, narrowed by words and conditions, a page at a time. */

const PAGE = 25;
const tableView = { sort: "number", up: true, limit: PAGE, shown: null };

const shownColumns = (run) => run.columns.filter((column) => (tableView.shown ? tableView.shown.has(column.name) : column.shown));

function inOrder(run) {
  const { sort, up } = tableView;
  return (a, b) => {
    const [x, y] = [run.value(a, sort), run.value(b, sort)];
    // What is missing stands last whichever way the rest is sorted.
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
    return (up ? order : -order) || a - b;
  };
}

function visibleTrials(run) {
  return filterView.none ? [] : run.trials.filter(isChosen).sort(inOrder(run));
}

/* A value with its spread over repeats or folds, where the ledger holds one. */
function withSpread(run, trial, name) {
  const [value, spread] = [run.value(trial, name), run.value(trial, `${name}_std`)];
  if (value === null) return "";
  if (name === "state") return STATES[value];
  return withDeviation(value, spread);
}

function rowOf(run, columns, trial) {
  const row = h("tr", { "data-trial": trial, class: trial === state.picked ? "picked" : run.onFront.has(trial) ? "front" : "" });
  for (const column of columns) {
    const value = run.value(trial, column.name);
    if (column.name === "number") {
      row.append(h("th", { scope: "row" }, h("button", { type: "button", "aria-pressed": String(trial === state.picked), title: `Pick trial ${trial}`, onclick: () => pick(trial) }, String(trial))));
    } else {
      const kind = column.kind === "number" ? "amount" : ["reason", "note"].includes(column.name) ? "words" : "";
      row.append(h("td", { class: kind }, column.name === "rule" && value !== null ? swatch(run, value) : null, withSpread(run, trial, column.name)));
    }
  }
  return row;
}

function headOf(column, redraw) {
  const change = () => {
    tableView.up = tableView.sort === column.name ? !tableView.up : true;
    tableView.sort = column.name;
    remember();
    redraw();
  };
  const sorted = tableView.sort === column.name ? (tableView.up ? "ascending" : "descending") : null;
  return h("th", { scope: "col", "aria-sort": sorted, class: column.kind === "number" ? "amount" : "" }, h("button", { type: "button", onclick: change }, column.label));
}

function fillTable(run) {
  const columns = shownColumns(run);
  const visible = visibleTrials(run);
  const redraw = () => fillTable(current());
  byId("table").replaceChildren(
    h("thead", {}, h("tr", {}, columns.map((column) => headOf(column, redraw)))),
    h("tbody", {}, visible.slice(0, tableView.limit).map((trial) => rowOf(run, columns, trial)))
  );
  const there = run.index.size < run.total ? ` of ${number(run.index.size)} loaded from ${number(run.total)}` : ` of ${number(run.index.size)}`;
  byId("shown").textContent = `${number(visible.length)}${there} trials${state.chosen ? ", selected" : ""}`;
  byId("more").hidden = visible.length <= tableView.limit;
}

/* All columns of the trials that are visible, in full. */
const csv = (run) => asCsv([run.columns.map((column) => column.name), ...visibleTrials(run).map((trial) => run.columns.map((column) => run.value(trial, column.name)))]);

/* The columns that are shown, as they are shown, of all trials that are visible. */
function shownRows(run) {
  const columns = shownColumns(run);
  const text = (trial) => columns.map((column) => (column.name === "number" ? String(trial) : withSpread(run, trial, column.name)));
  return [columns.map((column) => column.label), ...visibleTrials(run).map(text)];
}

function columnChooser(run) {
  const shown = new Set(shownColumns(run).map((column) => column.name));
  const change = (name) => (on) => {
    if (on) shown.add(name);
    else shown.delete(name);
    tableView.shown = shown;
    remember();
    fillTable(current());
  };
  return h("details", { class: "columns" }, h("summary", {}, "Columns"), h("div", {}, run.columns.filter((c) => c.name !== "number").map((column) => check(column.label, shown.has(column.name), change(column.name)))));
}

function drawTable(run) {
  const root = byId("trials");
  if (!run.index.size) return nothing(root, "No trial has been started yet.");
  if (!byId("table")) {
    cleared(root);
    let waiting = 0;
    const input = (event) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => filtered(event.target.value), 60);
    };
    root.append(
      h("p", {}, "Every trial there is. Press a number to pick its trial. Words narrow the table and, with it, every other view: names, or conditions such as accuracy > 0.9."),
      h(
        "p",
        { class: "tools" },
        h("label", {}, "Filter ", h("input", { type: "search", id: "filter", placeholder: "e.g. adam gru lr < 0.01", autocomplete: "off", "aria-describedby": "filter-says", oninput: input })),
        h("span", { id: "shown", role: "status" }),
        saveTable("trials", () => shownRows(current()), () => csv(current()))
      ),
      h("p", { id: "filter-says", role: "alert", class: "problem" }),
      h("div", { id: "columns" }),
      h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "All trials" }, h("table", { id: "table" })),
      h("p", {}, h("button", { type: "button", id: "more", onclick: () => { tableView.limit += 4 * PAGE; fillTable(current()); } }, "Show more"))
    );
  }
  const names = run.columns.map((column) => column.name).join();
  if (byId("columns").dataset.names !== names) {
    byId("columns").replaceChildren(columnChooser(run));
    byId("columns").dataset.names = names;
  }
  followTable(run);
}

function followTable(run) {
  if (!byId("table")) return;
  if (document.activeElement !== byId("filter")) byId("filter").value = filterView.text;
  byId("filter-says").textContent = filterView.problem;
  fillTable(run);
}

view("trials", { draw: drawTable, follow: followTable });

inAddress("sort", () => (tableView.sort === "number" && tableView.up ? "" : `${tableView.up ? "" : "-"}${tableView.sort}`), (text) => {
  tableView.up = !text.startsWith("-");
  tableView.sort = text.replace(/^-/, "") || "number";
});
inAddress("columns", () => (tableView.shown ? [...tableView.shown].join(",") : ""), (text) => {
  tableView.shown = text ? new Set(text.split(",")) : null;
});
