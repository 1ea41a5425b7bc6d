/* Who worked on what and when, and why some failed. */

const OUTCOMES = [
  ["COMPLETE", "complete"],
  ["PRUNED", "stopped early"],
  ["FAIL", "failed"],
  ["RUNNING", "running"],
];
const timelineView = { of: "", range: null };

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

/* The spans as an image with so many columns between two times, a row a worker: code of the outcome,
   trial, and how many trials share the place, of which the longest one is seen. Ten thousand bars
   would take the browser a second, whichever way it draws them; this takes it no time. */
function raster(found, workers, [from, to], columns) {
  const step = (to - from) / columns;
  const rows = new Map(workers.map((worker, i) => [worker, i]));
  const grid = (value) => workers.map(() => new Array(columns).fill(value));
  const image = { codes: grid(null), trials: grid(null), amounts: grid(0) };
  const longest = grid(0);
  for (const span of found) {
    const row = rows.get(span.worker);
    const code = OUTCOMES.findIndex(([name]) => name === span.outcome);
    // A gap as wide as a hair between two trials in a row.
    const [begun, ended] = [(span.begun - from) / step, (span.begun + 0.98 * span.seconds - from) / step];
    const last = Math.min(columns, Math.max(ended, Math.floor(begun) + 1));
    for (let i = Math.max(0, Math.floor(begun)); i < last; i += 1) {
      image.amounts[row][i] += 1;
      const share = Math.min(ended, i + 1) - Math.max(begun, i) + 1e-9;
      if (share <= longest[row][i]) continue;
      longest[row][i] = share;
      image.codes[row][i] = code;
      image.trials[row][i] = span.trial;
    }
  }
  return image;
}

/* One layer of the image: the trials that are chosen, or those that are not. */
function layer(run, found, workers, range, opacity, short) {
  const columns = Math.max(100, byId("timeline-chart").clientWidth);
  const { codes, trials, amounts } = raster(found, workers, range, columns);
  const scale = OUTCOMES.flatMap(([name], i) => [0, 1].map((end) => [(i + end) / OUTCOMES.length, outcomeTone(name)]));
  const step = (range[1] - range[0]) / columns;
  const told = (trial, amount) => (short ? `trial ${trial}` : hover(run, trial)) + (amount > 1 ? `<br>and ${number(amount - 1)} more at this time` : "");
  return {
    type: "heatmap",
    x: Array.from({ length: columns }, (_, i) => range[0] + (i + 0.5) * step),
    y: workers.map(escaped),
    z: codes,
    zmin: -0.5,
    zmax: OUTCOMES.length - 0.5,
    colorscale: scale,
    showscale: false,
    opacity,
    ygap: Math.min(14, 0.45 * (byId("timeline-chart").clientHeight / workers.length - 10)),
    customdata: trials,
    text: trials.map((row, r) => row.map((trial, i) => (trial === null ? "" : `${told(trial, amounts[r][i])}<br>${OUTCOMES[codes[r][i]][1]}, ${duration(run.value(trial, "seconds") ?? 0)}`))),
    hovertemplate: "%{text}<extra></extra>",
    hoverongaps: false,
  };
}

function drawBars(run) {
  const { found, length } = spans(run);
  const [unit, per] = length > 7200 ? ["h", 3600] : length > 180 ? ["min", 60] : ["s", 1];
  const workers = [...new Set(found.map((span) => span.worker))].sort();
  const busy = found.reduce((sum, span) => sum + span.seconds, 0) / (workers.length * (length || 1));
  const sentence = `${count(found.length, "trial")} on ${count(workers.length, "worker")} in ${duration(length)}; a worker was busy ${Math.round(100 * Math.min(1, busy))} % of the time. Gaps are times in which it had nothing to train. Drag to look closer.`;
  const chart = figure(byId("timeline-bars"), "timeline-chart", 120 + 26 * Math.min(workers.length, 28), "Trials on their workers over time", sentence);
  if (timelineView.of !== run.name) Object.assign(timelineView, { of: run.name, range: null });
  const whole = [0, length / per || 1];
  const scaled = found.map((span) => ({ ...span, begun: span.begun / per, seconds: span.seconds / per }));
  const layers = [true, false].map((strong) => {
    const mine = scaled.filter((span) => isChosen(span.trial) === strong);
    return layer(run, mine, workers, timelineView.range || whole, strong ? 0.9 : 0.2, found.length > 3000);
  });
  const entries = OUTCOMES.filter(([outcome]) => found.some((span) => span.outcome === outcome)).map(([outcome, name]) => ({
    x: [null],
    y: [null],
    mode: "markers",
    name,
    marker: { color: outcomeTone(outcome), symbol: "square", size: 10 },
    hoverinfo: "skip",
  }));
  plot(
    chart,
    [...layers.reverse(), ...entries],
    {
      dragmode: touch.matches ? false : "zoom",
      xaxis: { ...axisOf(`time since the start (${unit})`), range: whole, minallowed: 0, showgrid: false },
      yaxis: { ...axisOf("worker"), type: "category", categoryorder: "array", categoryarray: workers.map(escaped), fixedrange: true, showgrid: false },
      uirevision: run.name,
    },
    { brush: false }
  );
  if (chart.dataset.zooms) return;
  chart.dataset.zooms = "yes";
  // Closer up the image has more to show.
  chart.on("plotly_relayout", () => {
    const { autorange, range } = chart.layout.xaxis;
    timelineView.range = autorange ? null : [...range];
    drawBars(current());
  });
}

function drawTimeline(run) {
  const root = byId("timeline");
  if (!(run.values.started || []).some(Boolean)) return nothing(root, "No trial has started yet.");
  if (!byId("timeline-bars")) {
    cleared(root);
    root.append(h("div", { id: "timeline-bars" }), h("div", { id: "failures" }));
  }
  drawBars(run);
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

view("timeline", { draw: drawTimeline, follow: (run) => (byId("timeline-bars") ? drawBars(run) : null) });
