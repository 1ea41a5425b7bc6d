/* Who worked on what and when, and why some failed. */

const OUTCOMES = [
  ["COMPLETE", "complete", "solid"],
  ["PRUNED", "stopped early", "solid"],
  ["FAIL", "failed", "solid"],
  ["RUNNING", "running", "dot"],
];

const outcomeTone = (name) => ({ COMPLETE: colour("--accent"), PRUNED: "#8a94a0", FAIL: "#cc3311", RUNNING: "#ee9933" })[name];

function spans(run) {
  const times = run.values.started || [];
  const found = run.trials.flatMap((trial) => {
    const started = times[run.index.get(trial)];
    if (!started) return [];
    const begun = Date.parse(`${started}Z`) / 1000;
    const seconds = run.value(trial, "seconds");
    return [{ trial, begun, seconds, worker: run.value(trial, "worker") || "not known yet", outcome: run.value(trial, "state") }];
  });
  const zero = found.reduce((least, span) => Math.min(least, span.begun), Infinity);
  const end = found.reduce((most, span) => Math.max(most, span.begun + (span.seconds || 0)), zero);
  return { found: found.map((span) => ({ ...span, begun: span.begun - zero, seconds: span.seconds ?? end - span.begun })), length: end - zero };
}

function drawTimeline(run) {
  const root = byId("timeline");
  const { found, length } = spans(run);
  if (!found.length) return nothing(root, "No trial has started yet.");
  if (!byId("timeline-bars")) {
    cleared(root);
    root.append(h("div", { id: "timeline-bars" }), h("div", { id: "failures" }));
  }
  const [unit, per] = length > 7200 ? ["h", 3600] : length > 180 ? ["min", 60] : ["s", 1];
  const workers = [...new Set(found.map((span) => span.worker))].sort();
  const busy = found.reduce((sum, span) => sum + span.seconds, 0) / (workers.length * (length || 1));
  const sentence = `${count(found.length, "trial")} on ${count(workers.length, "worker")} in ${duration(length)}; a worker was busy ${Math.round(100 * Math.min(1, busy))} % of the time. Gaps are times in which it had nothing to train.`;
  const chart = figure(byId("timeline-bars"), "timeline-chart", 150 + 30 * Math.min(workers.length, 24), "Trials on their workers over time", sentence);
  const traces = OUTCOMES.flatMap(([outcome, name, dash]) => {
    const mine = found.filter((span) => span.outcome === outcome);
    if (!mine.length) return [];
    const strong = mine.filter((span) => isChosen(span.trial));
    const bars = (some, opacity, showlegend) => ({
      type: scatterType(some.length),
      mode: "lines+markers",
      name,
      legendgroup: name,
      showlegend,
      opacity,
      // A gap as wide as a hair between two trials in a row.
      x: some.flatMap((span) => [span.begun / per, (span.begun + 0.98 * span.seconds) / per, null]),
      y: some.flatMap((span) => [escaped(span.worker), escaped(span.worker), null]),
      customdata: some.flatMap((span) => [span.trial, span.trial, null]),
      text: some.flatMap((span) => { const text = `${found.length > 3000 ? `trial ${span.trial}` : hover(run, span.trial)}<br>${name}, ${duration(span.seconds)}`; return [text, text, ""]; }),
      hovertemplate: "%{text}<extra></extra>",
      line: { color: outcomeTone(outcome), width: 11, dash },
      marker: { color: outcomeTone(outcome), size: 3, symbol: "line-ns" },
    });
    const pale = state.chosen ? mine.filter((span) => !isChosen(span.trial)) : [];
    return [bars(strong, 0.9, true), ...(pale.length ? [bars(pale, 0.15, false)] : [])];
  });
  plot(
    chart,
    traces,
    {
      dragmode: touch.matches ? false : "zoom",
      xaxis: { ...axisOf(`time since the start (${unit})`), rangemode: "tozero" },
      yaxis: { ...axisOf("worker"), type: "category", categoryorder: "array", categoryarray: workers.map(escaped) },
      uirevision: run.name,
    },
    { brush: false }
  );
  drawFailures(run);
}

function drawFailures(run) {
  const root = byId("failures");
  if (!run.failures.length) {
    root.replaceChildren(h("p", { class: "note" }, "No trial failed."));
    return;
  }
  const total = run.failures.reduce((sum, failure) => sum + failure.numbers.length, 0);
  root.replaceChildren(
    h("h3", {}, "Failures by reason"),
    h("p", {}, `${count(total, "trial")} failed. Press a reason to select its trials.`),
    h(
      "ul",
      { class: "reasons" },
      run.failures.map((failure) =>
        h("li", {}, h("button", { type: "button", onclick: () => choose(new Set(failure.numbers), "failures") }, h("b", {}, number(failure.numbers.length)), ` ${failure.reason}`))
      )
    )
  );
}

view("timeline", { draw: drawTimeline });
