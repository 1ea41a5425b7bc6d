/* The test scores, kept apart from all that the search saw. */

const score = (found) => (found ? withDeviation(found.mean, found.spread) : "–");

function drawTested(run) {
  const root = byId("tested");
  cleared(root);
  if (run.provenance.table) {
    root.append(h("p", {}, `Nothing was trained, so there is nothing to test: this search was simulated on table ${run.provenance.table}, whose test scores no search sees.`));
    return;
  }
  if (!run.finals.length) {
    root.append(
      h("p", {}, "The test split is still sealed: no candidate has been finalized. Everything on this page is a validation score. To train the best ones again with fresh seeds and test them:"),
      command(run.provenance.finalize)
    );
    return;
  }
  const table = testedTable(run);
  root.append(
    h(
      "p",
      {},
      "These candidates were trained again with other seeds, and only then was the test split read; the best by the fresh seeds' validation comes first, or by the search's where they were trained on validation data, too. Mean ± standard deviation over the seeds. The search itself saw validation scores alone, so only the test columns say how well a cell does on data nobody chose it by."
    ),
    h("p", { class: "tools" }, saveTable("test scores", () => rowsOf(table))),
    h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Table of test scores" }, table),
    h("div", { id: "tested-figure" })
  );
  drawTestedChart(run);
}

const NO_INPUT = "the mean, the frequencies or the last season, whatever is asked";

/* Whether there are validation scores: where validation data were trained on, too, there are none. */
const isValidated = (run) => run.finals.some((final) => Object.keys(final.scores.validation || {}).length);

/* A row a candidate, each metric once, under it its seeds as one and the baseline, if there are. */
function testedTable(run) {
  const metrics = [...new Set(run.finals.flatMap((final) => Object.keys(final.scores.test || {})))];
  const validated = isValidated(run);
  const cells = (final, prefix) => metrics.flatMap((metric) => [
    h("td", { class: "test amount" }, h("b", {}, score((final.scores[`${prefix}test`] || {})[metric]))),
    validated ? h("td", { class: "amount" }, score((final.scores[`${prefix}validation`] || {})[metric])) : null,
  ]);
  const row = (final, head, description, prefix) =>
    h("tr", {}, h("th", { scope: "row" }, head), h("td", {}, description), cells(final, prefix), h("td", { class: "amount" }, number(final.seeds)), h("td", { class: "amount" }, number(final.epochs)));
  const rows = run.finals.flatMap((final) => {
    const trial = h("button", { type: "button", onclick: () => pick(final.number) }, String(final.number));
    const baseline = `for trial ${final.number}: feed-forward, as many parameters, all frames at once`;
    const ensemble = `seeds of trial ${final.number} as one: the average of their answers`;
    return [row(final, trial, final.description, ""), ...(final.scores.ensemble_test ? [row(final, "ensemble", ensemble, "ensemble_")] : []), ...(final.scores.baseline_test ? [row(final, "baseline", baseline, "baseline_")] : [])];
  });
  const heads = [
    ["trial", ""], ["candidate", ""],
    ...metrics.flatMap((metric) => [[`${metric}, test`, "test amount"], ...(validated ? [[`${metric}, validation`, "amount"]] : [])]),
    ["seeds", "amount"], ["epochs", "amount"],
  ];
  // Beside what needs no input a score can be told from none.
  const nothing = (label, split) => run.no_input.find((one) => one.label === label)?.[split] ?? null;
  const level = (label, split) => ((value) => (value === null ? "–" : number(value)))(nothing(label, split));
  if (metrics.some((metric) => nothing(metric, "test") !== null)) {
    const levels = metrics.flatMap((metric) => [h("td", { class: "test amount" }, level(metric, "test")), validated ? h("td", { class: "amount" }, level(metric, "validation")) : null]);
    rows.push(h("tr", { id: "no-input" }, h("th", { scope: "row" }, "no input"), h("td", {}, NO_INPUT), levels, h("td"), h("td")));
  }
  return h("table", {}, h("thead", {}, h("tr", {}, heads.map(([name, kind]) => h("th", { scope: "col", class: kind }, name)))), h("tbody", {}, rows));
}

function drawTestedChart(run) {
  const metric = Object.keys(run.finals[0].scores.test || {})[0];
  const finals = run.finals.filter((final) => final.scores.test?.[metric]);
  if (finals.length < 2) return;
  const chart = figure(byId("tested-figure"), "tested-chart", 110 + 34 * finals.length, `${metric} of the finalized trials`, `${metric}, test${isValidated(run) ? " (filled) and fresh-seed validation (open)" : ""}; a bar is one standard deviation over the seeds to each side.`);
  const names = finals.map((final) => escaped(`trial ${final.number}`)).reverse();
  const trace = (split, name, symbol) => {
    const scores = finals.map((final) => (final.scores[split] || {})[metric]).reverse();
    return {
      x: scores.map((one) => one?.mean ?? null),
      y: names,
      customdata: finals.map((final) => final.number).reverse(),
      mode: "markers",
      name,
      marker: { symbol, size: 10, color: finals.map((final) => run.style(run.value(final.number, "rule"))[0]).reverse() },
      error_x: { type: "data", array: scores.map((one) => one?.spread ?? 0), thickness: 1.2, width: 4, color: NEUTRAL },
      hovertemplate: `%{y}, ${name}: %{x:.4g}<extra></extra>`,
    };
  };
  plot(chart, [...(isValidated(run) ? [trace("validation", "validation", "circle-open")] : []), trace("test", "test", "circle")], { dragmode: false, xaxis: axisOf(metric), shapes: withoutInput(run, run.no_input.find((one) => one.label === metric)?.metric, "x", finals.map((final) => final.scores.test[metric].mean), "test"), yaxis: { type: "category", showgrid: false }, uirevision: run.name }, { brush: false });
}

view("tested", { draw: drawTested, follow: () => {} });
