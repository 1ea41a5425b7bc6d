/* How trials learned, and where the slow ones were stopped. */

const MOST_FAINT = 400;
const MOST_STRONG = 60;
const trainingView = { metric: "" };

function curveGroups(run) {
  const all = [...run.curves.keys()].sort((a, b) => a - b);
  const wanted = state.chosen ? all.filter((trial) => state.chosen.has(trial)) : all.filter((trial) => run.onFront.has(trial));
  const strong = new Set(wanted.slice(0, MOST_STRONG));
  if (state.picked !== null && run.curves.has(state.picked)) strong.add(state.picked);
  const others = all.filter((trial) => !strong.has(trial));
  const step = Math.max(1, Math.ceil(others.length / MOST_FAINT));
  return { strong: [...strong], faint: others.filter((_, i) => i % step === 0), left: wanted.length - Math.min(wanted.length, MOST_STRONG) };
}

function curveTraces(run, metric, { strong, faint }) {
  const values = (trial) => run.curves.get(trial).values[metric] || [];
  const traces = [];
  const rules = [...new Set([...strong, ...faint].map((trial) => run.value(trial, "rule")))].sort();
  for (const rule of rules) {
    const [tone, marker] = run.style(rule);
    for (const complete of [true, false]) {
      const mine = faint.filter((t) => run.value(t, "rule") === rule && (run.value(t, "state") === "COMPLETE") === complete);
      if (!mine.length) continue;
      // One trace for all: hundreds of traces would make the page slow.
      traces.push({
        x: mine.flatMap((trial) => [...run.curves.get(trial).epochs, null]),
        y: mine.flatMap((trial) => [...values(trial), null]),
        mode: "lines",
        line: { color: tone, width: 1, dash: complete ? "solid" : "dot" },
        opacity: complete ? 0.22 : 0.35,
        hoverinfo: "skip",
        showlegend: false,
        legendgroup: escaped(rule),
      });
    }
    for (const trial of strong.filter((t) => run.value(t, "rule") === rule)) {
      const { epochs } = run.curves.get(trial);
      const picked = trial === state.picked;
      traces.push({
        x: epochs,
        y: values(trial),
        customdata: epochs.map(() => trial),
        text: epochs.map(() => hover(run, trial)),
        hovertemplate: "%{text}<br>epoch %{x}: %{y:.4g}<extra></extra>",
        mode: "lines+markers",
        line: { color: tone, width: picked ? 4 : 2 },
        marker: { symbol: marker, size: picked ? 8 : 5 },
        showlegend: false,
        legendgroup: escaped(rule),
      });
    }
    traces.push(legend(run, rule));
  }
  return traces;
}

function drawCurves(run) {
  const metric = run.curveMetrics.includes(trainingView.metric) ? trainingView.metric : run.curveMetrics[0];
  const groups = curveGroups(run);
  const who = state.chosen ? `the ${count(groups.strong.length, "selected trial")}` : "the front and the pick";
  const more = groups.left > 0 ? ` ${number(groups.left)} more are selected than can be told apart.` : "";
  const drawn = groups.strong.length + groups.faint.length;
  const sample = drawn < run.curvesTotal ? ` ${number(drawn)} of ${number(run.curvesTotal)} trials are drawn.` : "";
  const sentence = `Strong: ${who}; the pick is the thickest. Pale: others; dotted ones ended early or failed.${more}${sample}`;
  const chart = figure(byId("training-curves"), "curves-chart", 400, `${run.curveLabels[metric]} over epochs`, sentence);
  const values = [...run.curves.values()].slice(0, 500).flatMap((curve) => (curve.values[metric] || []).filter((v) => v !== null));
  const log = values.length > 0 && Math.min(...values) > 0 && Math.max(...values) > 50 * Math.min(...values);
  plot(
    chart,
    curveTraces(run, metric, groups),
    {
      dragmode: touch.matches ? false : "zoom",
      xaxis: { ...axisOf("epoch"), rangemode: "tozero", tickformat: "d", minallowed: 0, ...(run.epochs <= 12 ? { dtick: 1 } : {}) },
      yaxis: axisOf(run.curveLabels[metric], log),
      shapes: withoutInput(run, metric, "y", values),
      uirevision: run.name + metric,
    },
    { brush: false }
  );
}

function drawRungs(run) {
  const root = byId("training-rungs");
  if (!run.rungs.length) {
    root.replaceChildren(h("p", { class: "note" }, `No trial fell behind and was stopped.${run.besides}`));
    return;
  }
  if (!byId("rungs-chart")) root.replaceChildren();
  const total = run.rungs.reduce((sum, rung) => sum + rung.stopped, 0);
  const [first] = run.rungs;
  const sentence = `${count(total, "trial")} fell behind and were stopped: ${number(first.stopped)} of the ${number(first.reached)} that reached epoch ${first.epoch}${run.rungs.length > 1 ? ", the others later" : ""}.${run.besides}`;
  const chart = figure(root, "rungs-chart", 240, "Trials stopped at each rung", sentence);
  const bar = (name, y, tone) => ({ type: "bar", name, x: run.rungs.map((rung) => `epoch ${rung.epoch}`), y, marker: { color: tone }, hovertemplate: `%{y} ${name}<extra></extra>` });
  plot(
    chart,
    [
      bar("went on", run.rungs.map((rung) => rung.reached - rung.stopped), colour("--accent")),
      bar("stopped", run.rungs.map((rung) => rung.stopped), NEUTRAL),
    ],
    { dragmode: false, barmode: "stack", bargap: run.rungs.length < 3 ? 0.8 : 0.5, margin: { l: 8, r: 12, t: 10, b: 46 }, xaxis: { ...axisOf("rung"), type: "category" }, yaxis: axisOf("trials"), uirevision: run.name },
    { brush: false }
  );
}

function drawTraining(run) {
  const root = byId("training");
  if (!run.curves.size) return nothing(root, "No epoch has been finished yet.");
  if (!byId("training-curves")) {
    cleared(root);
    root.append(h("p", { class: "tools", id: "training-tools" }), h("div", { id: "training-curves" }), h("h3", {}, "Rungs"), h("div", { id: "training-rungs" }));
  }
  const change = (metric) => {
    trainingView.metric = metric;
    remember();
    drawCurves(current());
  };
  const metric = run.curveMetrics.includes(trainingView.metric) ? trainingView.metric : run.curveMetrics[0];
  byId("training-tools").replaceChildren(select("metric", run.curveMetrics.map((name) => [name, run.curveLabels[name]]), metric, change));
  drawCurves(run);
  drawRungs(run);
}

view("training", { draw: drawTraining, follow: (run) => (run.curves.size && byId("training-curves") ? drawCurves(run) : null) });
inAddress("metric", () => trainingView.metric, (text) => (trainingView.metric = text));
