/* The pick: what it is, how long its rule remembers, how far its gradients reached. */

const LAGS = 64;

function impulseChart(run, trial, root) {
  const curve = run.impulses.get(trial);
  const rule = run.value(trial, "rule");
  if (!curve) {
    const none = "There is none: the candidate has trained no epoch, or its rule is not installed here.";
    const why = curve === null ? none : state.live ? "Its impulse response is being computed." : "This file holds no impulse response for this trial; the live dashboard computes every one.";
    root.replaceChildren(h("p", { class: "note" }, why));
    return;
  }
  if (!byId("impulse-chart")) root.replaceChildren();
  const mass = curve.reduce((sum, value) => sum + Math.abs(value), 0);
  let sum = 0;
  const half = curve.findIndex((value) => (sum += Math.abs(value)) >= 0.9 * mass);
  const grows = Math.abs(curve.at(-1)) > Math.abs(curve[0]) && curve.length === LAGS;
  const memory = grows
    ? "It grows while nothing comes in, until ε stops it: μ is above √β."
    : mass === 0
      ? "Nothing enters the cell."
      : `90 % of what it lets through has passed after ${count(half, "step")}.`;
  const chart = figure(
    root,
    "impulse-chart",
    260,
    `Impulse response of ${rule}`,
    `What enters the cell after an input projection z of 1 at step 0 and 0 after, as the rule itself computes it (strong), beside the plain cell, which takes z as it is (dotted). ${memory}`
  );
  const length = Math.min(LAGS, Math.max(12, 2 * curve.length));
  const steps = [...Array(length).keys()];
  const [tone, marker] = run.style(rule);
  const filled = steps.map((i) => curve[i] ?? 0);
  plot(
    chart,
    [
      { x: steps, y: steps.map((i) => (i === 0 ? 1 : 0)), mode: "lines+markers", name: "plain cell", line: { color: NEUTRAL, dash: "dot", width: 1.5 }, marker: { size: 4 } },
      { x: steps, y: filled, mode: "lines+markers", name: escaped(rule), line: { color: tone, width: 2 }, marker: { symbol: marker, size: 6 } },
    ],
    { dragmode: false, xaxis: axisOf("steps after the input"), yaxis: axisOf("u (z of 1 at step 0)"), uirevision: String(trial) },
    { brush: false }
  );
}

function cellFacts(run, trial) {
  const training = Object.entries(run.section(trial, "training.")).map(([name, value]) => `${symbol(name)} ${number(value)}`);
  const rows = Object.keys(run.objectives).map((name) => [run.label(name), number(run.value(trial, name))]);
  for (const name of ["parameters", "latency_ms", "train_seconds"]) {
    if (!(name in run.objectives) && run.value(trial, name) !== null) rows.push([run.label(name), number(run.value(trial, name))]);
  }
  rows.push(["model", told(run.section(trial, "model.")) || "–"], ["training", training.join(" · ")]);
  for (const [name, options] of Object.entries(penaltiesOf(run, trial))) rows.push([`penalty ${symbol(name)}`, told(options)]);
  return h("dl", { class: "facts" }, rows.map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text))));
}

function drawCell(run) {
  const root = byId("cell-body");
  const trial = state.picked;
  if (trial === null || !run.index.has(trial)) {
    root.replaceChildren(h("p", { class: "note" }, "No trial is picked. Click a point in a chart or a row of the table."));
    return;
  }
  if (!byId("cell-impulse")) {
    root.replaceChildren(
      h("div", { id: "cell-about" }),
      h("div", { id: "cell-note" }),
      h("div", { class: "pair" }, h("div", { id: "cell-impulse" }), h("div", { id: "cell-gradient" })),
      h("p", { class: "tools", id: "cell-tools" })
    );
  }
  const equations = ["rule", "cell"].map((kind) => {
    const known = run.equations[kind][run.value(trial, kind)];
    return known ? [h("h3", {}, run.value(trial, kind), h("small", {}, ` ${known.title}`)), equation(known.equation)] : [];
  });
  const standing = run.onFront.has(trial) ? "on the front" : run.ranked.has(trial) ? "beaten" : String(run.value(trial, "state")).toLowerCase();
  byId("cell-about").replaceChildren(
    h("p", {}, h("b", {}, `Trial ${trial}`), ` (${standing}): ${run.value(trial, "cell")} behind the rule ${run.value(trial, "rule")}.`),
    h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Picture of the cell" }, diagram(run, trial)),
    h("div", { class: "pair" }, ...equations.map((parts) => h("div", {}, ...parts))),
    cellFacts(run, trial)
  );
  putRemark(byId("cell-note"), run, trial);
  impulseChart(run, trial, byId("cell-impulse"));
  gradientPart(run, trial, byId("cell-gradient"));
  byId("cell-tools").replaceChildren(
    copyButton(() => asToml(run, trial), "Copy as TOML"),
    copyButton(() => asPython(run, trial), "Copy as Python"),
    ...(state.acts || run.provenance.table || run.value(trial, "state") !== "COMPLETE" ? [] : [command(`optcell-search export ${quotedForShell(run.where || "RUN")} --trial ${trial} --out winner`)])
  );
}

view("cell", { draw: drawCell });
