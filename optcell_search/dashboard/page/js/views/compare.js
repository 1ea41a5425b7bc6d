/* Several runs side by side. */

const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
const compareView = { content: null };

function drawCompare() {
  const root = byId("compare");
  const { content } = compareView;
  root.hidden = !content;
  if (!content) return;
  const objectives = Object.keys(content.objectives);
  if (!byId("compare-table")) {
    cleared(root);
    root.append(h("div", { id: "compare-front" }), h("div", { class: "wide", id: "compare-table", tabindex: "0", role: "region", "aria-label": "Runs" }), h("div", { id: "compare-differ" }));
  }
  if (objectives.length > 1) drawFronts(content, objectives);
  else byId("compare-front").replaceChildren(h("p", { class: "note" }, "These runs share fewer than two objectives, so their fronts cannot be laid over each other."));
  const names = [...new Set(content.standings.flatMap((standing) => Object.keys(standing.best)))];
  const cells = (standing, i) => [
    h("th", { scope: "row" }, h("button", { type: "button", "aria-pressed": String(i === state.at), onclick: () => switchTo(i) }, standing.name)),
    h("td", {}, standing.task),
    h("td", { class: "amount" }, `${number(standing.complete)} of ${number(standing.trials)}`),
    h("td", { class: "amount" }, duration(standing.seconds)),
    h("td", { class: "amount" }, standing.volume === null ? "–" : `${number(100 * standing.volume, 3)} %`),
    ...names.map((name) => h("td", { class: "amount" }, number(standing.best[name]))),
  ];
  byId("compare-table").replaceChildren(
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ["run", "task", "complete", "time", "hypervolume", ...names.map((name) => `best ${name.replaceAll("_", " ")}`)].map((name, i) => h("th", { scope: "col", class: i > 1 ? "amount" : "" }, name)))),
      h("tbody", {}, content.standings.map((standing, i) => h("tr", { class: i === state.at ? "picked" : "" }, cells(standing, i))))
    )
  );
  drawDifferences(byId("compare-differ"), content);
}

/* What was asked for, where not all runs have it in common; a column a run. */
function drawDifferences(root, { standings, differences }) {
  if (!differences.length) return root.replaceChildren(h("p", { class: "note" }, "They were asked for the same, of the same space and data; names and places apart."));
  const head = ["part", "what", ...standings.map((standing) => standing.name)];
  const line = (one, i) =>
    h(
      "tr",
      {},
      h("td", {}, i && differences[i - 1].part === one.part ? "" : one.part),
      h("th", { scope: "row" }, one.name),
      ...one.values.map((value) => h("td", { class: "words" }, value ?? "–"))
    );
  const table = h("table", {}, h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, differences.map(line)));
  const rows = () => [head, ...differences.map((one) => [one.part, one.name, ...one.values.map((value) => value ?? "–")])];
  return root.replaceChildren(
    h("div", { class: "about" }, h("div", {}, h("h3", {}, "What differs"), h("p", { class: "says" }, "What these runs were asked, what their spaces hold and what data they learned from, where that is not the same in all.")), saveTable("what differs", rows)),
    h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "What differs between the runs" }, table)
  );
}

function drawFronts(content, [y, x]) {
  const chart = figure(
    byId("compare-front"),
    "compare-chart",
    380,
    "The fronts of all runs",
    "The front of each run, on the objectives that all of them share; hypervolumes are shares of one box around all runs. Press a run's name to look at it below."
  );
  const objectives = Object.keys(content.objectives);
  const [up, across] = [objectives.indexOf(y), objectives.indexOf(x)];
  const run = state.runs.find(Boolean);
  const traces = content.standings.map((standing, i) => {
    const sorted = [...standing.front].sort((a, b) => a[across] - b[across]);
    return {
      x: sorted.map((point) => point[across]),
      y: sorted.map((point) => point[up]),
      mode: objectives.length === 2 ? "lines+markers" : "markers",
      name: escaped(standing.name),
      opacity: i === state.at ? 1 : 0.65,
      line: { color: i === state.at ? colour("--accent") : colour("--ink"), dash: DASHES[i % DASHES.length], width: i === state.at ? 2.5 : 1.5 },
      marker: { size: 7, symbol: ["circle", "square", "diamond", "triangle-up", "x"][i % 5] },
    };
  });
  const log = (name) => Boolean(run && run.axes.find((axis) => axis.name === name)?.log);
  const label = (name) => (run ? run.label(name) : name);
  plot(chart, traces, { dragmode: touch.matches ? false : "zoom", xaxis: axisOf(label(x), log(x)), yaxis: axisOf(label(y), log(y)), uirevision: "compare" }, { brush: false });
}

view("compare", { draw: drawCompare, follow: () => {}, always: true });
