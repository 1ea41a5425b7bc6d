/* Rules and cells compared, with intervals, trials that were stopped early among them. */

function standingsSentence(run, { rung, rows }) {
  const stopped = rows.filter((row) => row.kind === "rule").reduce((sum, row) => sum + row.stopped, 0);
  const where = rung
    ? `All trials are compared after epoch ${rung}, the last one that those stopped first have trained; ${count(stopped, "trial")} ${stopped === 1 ? "was" : "were"} stopped early.`
    : "No trial fell behind and was stopped, so all are compared after their last epoch.";
  return `${where}${run.besides} A bar is the 95 % interval of the mean; where two bars lie apart, the difference is more than chance. Of two or three trials it says little, and may leave the chart. The search chose where to look, so a rule's mean says how it did there, not how it would do everywhere.`;
}

function drawStandings(run) {
  const root = byId("standings");
  const { standings } = run;
  if (!standings) return nothing(root, run.index.size ? "Being worked out." : "No trial yet.");
  if (!standings.rows.length) return nothing(root, "Comparing starts with the first trial that is not failed.");
  if (!byId("standings-chart-room")) {
    cleared(root);
    root.append(h("div", { id: "standings-chart-room" }), h("div", { id: "standings-table" }));
  }
  const { rung, rows } = standings;
  const label = run.label(run.first);
  const at = rung ? `${label} after epoch ${rung}` : label;
  const chart = figure(byId("standings-chart-room"), "standings-chart", 90 + 34 * rows.length, `${at}, by rule and by cell`, standingsSentence(run, standings));
  const traces = [...rows].reverse().map((row) => standingTrace(run, row));
  plot(
    chart,
    traces,
    { dragmode: false, xaxis: { ...axisOf(`mean ${at}`), hoverformat: ".4g", range: standingsRange(rows) }, yaxis: { type: "category", showgrid: false }, uirevision: run.name },
    { brush: false }
  );
  byId("standings-table").replaceChildren(standingsTable(run, standings));
}

/* The means, with room for the intervals as far as they are not of two or three trials. */
function standingsRange(rows) {
  const known = rows.map((row) => row.early).filter(Boolean);
  const sure = rows.filter((row) => row.early?.low !== null && row.trials > 3).map((row) => row.early);
  const ends = [...known.map((one) => one.mean), ...sure.flatMap((one) => [one.low, one.high])];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const room = (high - low || Math.abs(high) || 1) * 0.15;
  return [low - room, high + room];
}

function standingTrace(run, row) {
  const [tone, marker] = row.kind === "rule" ? run.style(row.name) : [colour("--ink"), "circle-open"];
  const { mean, low, high } = row.early;
  const error = low === null ? {} : { error_x: { type: "data", symmetric: false, array: [high - mean], arrayminus: [mean - low], color: tone, thickness: 1.5, width: 5 } };
  return {
    x: [mean],
    y: [escaped(`${row.name} (${row.trials})`)],
    mode: "markers",
    name: escaped(row.name),
    marker: { color: tone, symbol: marker, size: 10 },
    text: [`${escaped(row.name)}: ${intervalText(row.early)}<br>${count(row.trials, "trial")}, ${number(row.stopped)} stopped early`],
    hovertemplate: "%{text}<extra></extra>",
    showlegend: false,
    ...error,
  };
}

const intervalText = (found) => (!found ? "–" : found.low === null ? number(found.mean) : `${number(found.mean)} (${number(found.low, 3)} to ${number(found.high, 3)})`);

function standingsTable(run, { rung, rows }) {
  const heads = ["", "trials", "stopped early", ...(rung ? [`mean after epoch ${rung}`] : []), "mean of the complete", "best"];
  const line = (row) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, row.kind === "rule" ? swatch(run, row.name) : null, row.name),
      h("td", { class: "amount" }, number(row.trials)),
      h("td", { class: "amount" }, number(row.stopped)),
      rung ? h("td", { class: "amount" }, intervalText(row.early)) : null,
      h("td", { class: "amount" }, intervalText(row.final)),
      h("td", { class: "amount" }, row.number === null ? "–" : h("button", { type: "button", class: "link", title: `Pick trial ${row.number}`, onclick: () => pick(row.number) }, number(row.best)))
    );
  const table = h("table", {}, h("thead", {}, h("tr", {}, heads.map((name, i) => (name ? h("th", { scope: "col", class: i ? "amount" : "" }, name) : h("td"))))), h("tbody", {}, rows.map(line)));
  return h("div", {}, h("p", { class: "tools" }, saveTable("rules and cells", () => rowsOf(table))), h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Table of rules and cells" }, table));
}

view("standings", { draw: drawStandings, follow: () => {} });
