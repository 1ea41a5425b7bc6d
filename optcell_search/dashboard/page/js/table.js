/* The trials as a table: sorted by its heads, narrowed by words and conditions, a page at a time. */

const PAGE = 25;
const tableView = { sort: "number", up: true, filter: "", limit: PAGE, shown: null };

const shownColumns = (run) => run.columns.filter((column) => (tableView.shown ? tableView.shown.has(column.name) : column.shown));

/* "adam gru accuracy>0.9": words that a row has to hold, and conditions on columns. */
function matcher(run, text) {
  const tests = text.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const found = /^(.+?)(<=|>=|<|>|=)(.+)$/.exec(word);
    const column = found && run.columns.find((one) => [one.name, one.label].some((name) => name.toLowerCase().replaceAll(" ", "_") === found[1]));
    if (!column) return (trial, words) => words().includes(word);
    const [, , sign, raw] = found;
    const limit = Number(raw);
    return (trial) => {
      const value = run.value(trial, column.name);
      if (value === null) return false;
      if (sign === "=") return String(value).toLowerCase() === raw;
      return { "<": value < limit, ">": value > limit, "<=": value <= limit, ">=": value >= limit }[sign];
    };
  });
  return (trial) => tests.every((test) => test(trial, () => textOf(run, trial)));
}

function textOf(run, trial) {
  if (!run.texts.has(trial)) {
    const values = run.columns.filter((column) => column.kind === "text" && column.name !== "started").map((column) => run.value(trial, column.name));
    run.texts.set(trial, [trial, ...values.filter((value) => value !== null)].join(" ").toLowerCase());
  }
  return run.texts.get(trial);
}

function compare(run) {
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
  const matches = tableView.filter ? matcher(run, tableView.filter) : () => true;
  return run.trials.filter((trial) => isChosen(trial) && matches(trial)).sort(compare(run));
}

function rowOf(run, columns, trial) {
  const row = h("tr", { "data-trial": trial, class: trial === state.picked ? "picked" : run.onFront.has(trial) ? "front" : "" });
  for (const column of columns) {
    const value = run.value(trial, column.name);
    if (column.name === "number") {
      row.append(h("th", { scope: "row" }, h("button", { type: "button", "aria-pressed": String(trial === state.picked), title: `Pick trial ${trial}`, onclick: () => pick(trial) }, String(trial))));
    } else {
      const kind = column.kind === "number" ? "amount" : column.name === "reason" ? "words" : "";
      row.append(h("td", { class: kind }, column.name === "rule" && value !== null ? swatch(run, value) : null, value === null ? "" : number(value)));
    }
  }
  return row;
}

function headOf(column, redraw) {
  const change = () => {
    tableView.up = tableView.sort === column.name ? !tableView.up : true;
    tableView.sort = column.name;
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

function csv(run) {
  const field = (value) => {
    let text = value === null ? "" : String(value);
    // A spreadsheet would take such a text for a formula.
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const rows = visibleTrials(run).map((trial) => run.columns.map((column) => run.value(trial, column.name)));
  return [run.columns.map((column) => column.name), ...rows].map((row) => row.map(field).join(",") + "\r\n").join("");
}

function columnChooser(run) {
  const shown = new Set(shownColumns(run).map((column) => column.name));
  const change = (name) => (on) => {
    if (on) shown.add(name);
    else shown.delete(name);
    tableView.shown = shown;
    fillTable(current());
  };
  return h("details", { class: "columns" }, h("summary", {}, "Columns"), h("div", {}, run.columns.filter((c) => c.name !== "number").map((column) => check(column.label, shown.has(column.name), change(column.name)))));
}

/* Filtering is selecting: what the words leave is what the other views show strong. */
function filtered(text) {
  tableView.filter = "";
  tableView.limit = PAGE;
  const run = current();
  if (!text.trim()) choose(null);
  else {
    const matches = matcher(run, text);
    choose(new Set(run.trials.filter(matches)), "table");
    if (!state.chosen) tableView.filter = text;
  }
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
      h("p", {}, "Every trial there is. Press a number to pick its trial. Words narrow the table and, with it, every other view: names, or conditions such as accuracy>0.9."),
      h(
        "p",
        { class: "tools" },
        h("label", {}, "Filter ", h("input", { type: "search", id: "filter", placeholder: "e.g. adam gru lr<0.01", autocomplete: "off", oninput: input })),
        h("span", { id: "shown", role: "status" }),
        h("button", { type: "button", id: "csv", onclick: () => download("trials.csv", csv(current()), "text/csv") }, "Download CSV")
      ),
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
  if (state.from !== "table" && document.activeElement !== byId("filter")) byId("filter").value = "";
  if (state.chosen) tableView.filter = "";
  fillTable(run);
}

view("trials", { draw: drawTable, follow: followTable });
