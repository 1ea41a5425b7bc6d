/* How far the gradient of the pick reaches back: its norm against the distance from the last step. */

function gradientPart(run, trial, root) {
  const curve = run.gradients.get(trial);
  if (curve && curve.distances.length > 1) return gradientChart(run, trial, curve, root);
  for (const chart of root.querySelectorAll(".figure")) Plotly.purge(chart);
  const [first, last] = [run.value(trial, "gradient_first"), run.value(trial, "gradient_last")];
  if (first === null || last === null) {
    root.replaceChildren(h("p", { class: "note" }, "Its gradients over time were not measured (the cell reads in two directions, or no epoch was finished)."));
    return;
  }
  const said = `How strongly the loss depends on h at a step, after training: ${number(first, 3)} at the first step, ${number(last, 3)} at the last one, a ratio of ${number(last > 0 ? first / last : null, 3)}. Far below 1 the gradient vanishes on its way back.`;
  root.replaceChildren(h("p", { class: "says" }, said), gradientBars(run, trial), h("p", { class: "note" }, whyNoCurve(run, trial, curve)));
}

function whyNoCurve(run, trial, curve) {
  if (state.live && curve === undefined) return "The steps between are being fetched.";
  if (run.value(trial, "state") !== "COMPLETE") return "The steps between are measured when a trial completes.";
  if (!state.live && run.gradients.size) return "This file holds the steps between for the best trials only; the live dashboard has every one.";
  return "The steps between were not measured: this ledger is older than their measurement, or its sequences have one step.";
}

/* Where it stands at both ends, for want of the steps between. */
function gradientBars(run, trial) {
  const ends = ["first", "last"].map((end) => [end, run.value(trial, `gradient_${end}`)]);
  const most = Math.max(...ends.map(([, value]) => value)) || 1;
  const tone = run.style(run.value(trial, "rule"))[0];
  return h(
    "dl",
    { class: "bars" },
    ends.map(([end, value]) => [
      h("dt", {}, `${end} step`),
      h("dd", {}, h("span", { class: "track" }, h("span", { style: `width:${(100 * value) / most}%;background:${tone}` })), number(value, 3)),
    ])
  );
}

/* What is left of it at the first step, as a factor. */
const kept = (curve) => curve.norms.at(-1) / curve.norms[0];

function fading(factor) {
  if (!Number.isFinite(factor)) return "could not be compared";
  if (factor > 2) return `grows to ${number(factor, 3)} times`;
  return factor < 0.5 ? `falls to ${number(100 * factor, 3)} %` : `stays at ${number(100 * factor, 3)} %`;
}

function gradientChart(run, trial, curve, root) {
  if (!byId("gradient-chart")) root.replaceChildren();
  const plain = curve.plain === null ? null : run.gradients.get(curve.plain);
  const beside = plain ? ` Dotted: trial ${curve.plain}, the plain cell (gd) with the most similar settings, in which it ${fading(kept(plain))}.` : "";
  const chart = figure(
    root,
    "gradient-chart",
    260,
    "Norm of the gradient over the distance from the last step",
    `How strongly the loss depends on h at a step, measured after training. On its way from the last step to the first one, ${number(curve.distances.at(-1))} back, it ${fading(kept(curve))}. Where the line drops, the gradient vanishes, and what came before is hardly learned from.${beside}`
  );
  const line = (which, own, name, trace) => {
    const [tone, marker] = run.style(run.value(which, "rule"));
    return {
      x: own.distances.map((distance) => distance + 1),
      y: own.norms.map((norm) => (norm > 0 ? norm : null)),
      customdata: own.distances.map(() => which),
      mode: "lines+markers",
      name: escaped(name),
      text: own.distances.map((distance) => (distance ? `${count(distance, "step")} before the last` : "last step")),
      hovertemplate: "%{text}: %{y:.3g}<extra></extra>",
      marker: { symbol: marker, size: 6, color: tone },
      ...trace,
      line: { color: tone, width: 2, ...trace.line },
    };
  };
  const traces = [line(trial, curve, `trial ${trial}: ${run.value(trial, "rule")}`, {})];
  if (plain) traces.unshift(line(curve.plain, plain, `trial ${curve.plain}: plain cell`, { line: { dash: "dot", width: 1.5 } }));
  plot(chart, traces, { dragmode: false, xaxis: axisOf("step, counted from the last one", true), yaxis: axisOf("norm of the gradient", true), uirevision: String(trial) }, { brush: false });
}
