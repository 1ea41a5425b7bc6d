/* All objectives and the main hyperparameters at once: parallel coordinates and a scatter matrix. */

const MOST_PANELS = 5;
/* More are a thicket, and without a graphics card a thousand take a second. */
const MOST_LINES = 400;
const NONE = "–";

/* The axes, from left to right: what was chosen, then what came of it. */
function parallelAxes(run, trials) {
  const text = (name) => {
    const values = trials.map((trial) => run.value(trial, name));
    const names = [...new Set(values)].sort();
    return { name, names, label: name, values: values.map((value) => names.indexOf(value)), ticks: names.map((value, i) => [i, escaped(value)]) };
  };
  const shared = sharedNames(run, trials).map((name) => numericAxis(`rule.${name}`, symbol(name), trials.map((trial) => run.own(trial, "rule")[name] ?? null), name === "s"));
  const settings = run.columns
    .filter((column) => ["model", "training"].includes(column.group) && column.kind === "number")
    .filter((column) => new Set(trials.map((trial) => run.value(trial, column.name))).size > 1)
    .map((column) => numericAxis(column.name, column.label, trials.map((trial) => run.value(trial, column.name)), column.log));
  const objectives = Object.keys(run.objectives).map((name) =>
    numericAxis(name, run.label(name), trials.map((trial) => run.value(trial, name)), run.axes.find((axis) => axis.name === name).log)
  );
  return [text("rule"), text("cell"), ...shared, ...settings, ...objectives.reverse()];
}

/* Names of hyperparameters that some rule has and that vary: μ of one rule beside μ of another. */
function sharedNames(run, trials) {
  const known = new Map();
  for (const trial of trials.slice(0, 2000)) {
    for (const [name, value] of Object.entries(run.own(trial, "rule"))) {
      if (typeof value === "number" && name !== "eps") known.set(name, (known.get(name) || new Set()).add(value));
    }
  }
  return [...known].filter(([, values]) => values.size > 1).map(([name]) => name);
}

/* An axis of numbers; a trial that has none stands on a mark of its own below the rest. */
function numericAxis(name, label, raw, log) {
  const place = (value) => (log ? Math.log10(value) : value);
  const known = raw.filter((value) => value !== null && (!log || value > 0)).map(place);
  const [low, high] = [known.reduce((a, b) => Math.min(a, b), Infinity), known.reduce((a, b) => Math.max(a, b), -Infinity)];
  const missing = known.length < raw.length;
  const span = high - low || 1;
  const below = low - 0.12 * span;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const at = low + part * span;
    return [at, number(log ? 10 ** at : at, 2)];
  });
  if (missing) ticks.unshift([below, NONE]);
  return { name, log, label, values: raw.map((value) => (value === null ? below : place(value))), ticks, range: [missing ? below : low, high] };
}

function ruleScale(run, rules) {
  const step = 1 / (rules.length + 1);
  const tones = [colour("--line"), ...rules.map((rule) => run.style(rule)[0])];
  return tones.flatMap((tone, i) => [[i * step, tone], [(i + 1) * step, tone]]);
}

/* The trials of the chart with their axes, drawn or not: a range along an axis chooses among all. */
let parallel = { trials: [], axes: [] };

/* The ranges along an axis, as a list. */
const rangesOf = ({ constraintrange: kept }) => (!kept?.length ? [] : Array.isArray(kept[0]) ? kept : [kept]);

/* The ranges kept along an axis before, in places of that axis as it is now: a search goes on, so
   axes and names come between the others, and an axis may become logarithmic. */
function moved(ranges, before, now) {
  if (!before) return [];
  if (!now.names) return ranges.map((ends) => ends.map((end) => (before.log === now.log ? end : now.log ? Math.log10(end) : 10 ** end)));
  if (before.names.join() === now.names.join()) return ranges;
  const kept = before.names.filter((_, i) => ranges.some(([low, high]) => i >= low && i <= high));
  return kept.map((name) => now.names.indexOf(name)).map((at) => [at - 0.25, at + 0.25]);
}

function drawParallel(run) {
  const trials = run.trials.filter((trial) => run.ranked.has(trial));
  const axes = parallelAxes(run, trials);
  const before = new Map(parallel.axes.map((axis) => [axis.name, axis]));
  parallel = { trials, axes };
  const drawn = new Set(sampled(run, trials, MOST_LINES));
  const lines = trials.flatMap((trial, i) => (drawn.has(trial) ? [i] : []));
  const rules = [...new Set(trials.map((trial) => run.value(trial, "rule")))].sort();
  const chart = figure(
    byId("many-parallel"),
    "parallel-chart",
    380,
    "Parallel coordinates of rule, cell, hyperparameters and objectives",
    "Each line is a ranked trial, in the colour of its rule; “–” is where its rule has no such hyperparameter. Drag along an axis to keep the trials of that range, along several to narrow it down; click an axis to let go." +
      (lines.length < trials.length ? ` Drawn are ${number(lines.length)} of ${number(trials.length)}, selected ones before others; a range selects among all of them.` : "")
  );
  chart.style.minWidth = `${86 * axes.length}px`;
  const mine = state.from === "parallel-chart";
  const kept = new Map(mine && chart.data ? chart.data[0].dimensions.map((axis) => [axis.name, rangesOf(axis)]) : []);
  Plotly.react(
    chart,
    [
      {
        type: "parcoords",
        line: {
          color: lines.map((i) => (mine || isChosen(trials[i]) ? 1 + rules.indexOf(run.value(trials[i], "rule")) : 0)),
          colorscale: ruleScale(run, rules),
          cmin: -0.5,
          cmax: rules.length + 0.5,
        },
        unselected: { line: { color: colour("--line"), opacity: 0.25 } },
        labelangle: axes.length > 8 ? -12 : 0,
        labelfont: { size: 12 },
        dimensions: axes.map((axis) => ({
          name: axis.name,
          label: escaped(axis.label),
          values: lines.map((i) => axis.values[i]),
          range: axis.range,
          tickvals: axis.ticks.map(([at]) => at),
          ticktext: axis.ticks.map(([, text]) => text),
          constraintrange: moved(kept.get(axis.name) || [], before.get(axis.name), axis),
        })),
      },
    ],
    { ...themed({}), margin: { l: 70, r: 60, t: 60, b: 20 } },
    { responsive: true, displayModeBar: false }
  );
  if (chart.dataset.wired) return;
  chart.dataset.wired = "yes";
  chart.on("plotly_restyle", () => brushParallel(chart));
}

/* The trials within every range that is set. */
function brushParallel(chart) {
  const values = new Map(parallel.axes.map((axis) => [axis.name, axis.values]));
  // By name: whoever looks may have put the axes in another order.
  const limits = chart.data[0].dimensions.map((axis) => [values.get(axis.name), rangesOf(axis)]).filter(([, ranges]) => ranges.length);
  if (!limits.length) return choose(null);
  const inside = (_, i) => limits.every(([values, ranges]) => ranges.some(([low, high]) => values[i] >= low && values[i] <= high));
  choose(new Set(parallel.trials.filter(inside)), "parallel-chart");
}

/* A label in short lines, which fits beside a small panel. */
function inLines(label, most = 14) {
  const lines = [""];
  for (const word of label.split(" ")) {
    if (lines.at(-1) && lines.at(-1).length + word.length > most) lines.push(word);
    else lines.push(`${lines.pop()} ${word}`.trim());
  }
  return lines.map(escaped).join("<br>");
}

function drawMatrix(run) {
  const names = Object.keys(run.objectives).slice(0, MOST_PANELS);
  const trials = run.trials.filter((trial) => run.ranked.has(trial));
  const chart = figure(
    byId("many-matrix"),
    "matrix-chart",
    150 + 130 * names.length,
    "Scatter matrix of the objectives",
    "Each objective against each other one. With three objectives and more, a trial can be on the front (strong) without looking so in any one panel. Drag in one panel to select in all."
  );
  const rules = [...new Set(trials.map((trial) => run.value(trial, "rule")))].sort();
  const traces = rules.flatMap((rule) =>
    [false, true].map((front) => {
      const mine = trials.filter((trial) => run.value(trial, "rule") === rule && run.onFront.has(trial) === front);
      const [tone, marker] = run.style(rule);
      return {
        type: "splom",
        name: escaped(rule),
        legendgroup: escaped(rule),
        showlegend: front,
        dimensions: names.map((name) => ({ label: inLines(run.label(name)), values: mine.map((trial) => run.value(trial, name)) })),
        customdata: mine,
        text: mine.map((trial) => hover(run, trial)),
        hovertemplate: "%{text}<extra></extra>",
        diagonal: { visible: false },
        showupperhalf: false,
        marker: { color: tone, symbol: marker, size: front ? 8 : 5, opacity: front ? 1 : FAINT },
        selectedpoints: state.chosen ? mine.flatMap((trial, i) => (state.chosen.has(trial) ? [i] : [])) : null,
        unselected: { marker: { opacity: 0.08 } },
      };
    })
  );
  const layout = { uirevision: run.name };
  names.forEach((name, i) => {
    const log = run.axes.find((axis) => axis.name === name).log;
    layout[`xaxis${i ? i + 1 : ""}`] = { type: log ? "log" : "linear" };
    layout[`yaxis${i ? i + 1 : ""}`] = { type: log ? "log" : "linear" };
  });
  plot(chart, traces.filter((trace) => trace.customdata.length), layout);
}

function drawMany(run) {
  const root = byId("many");
  if (run.ranked.size < 2) return nothing(root, "This view starts with the second ranked trial.");
  if (!webgl) return nothing(root, "This view is drawn by the graphics card (WebGL), which this browser does not offer.");
  if (!byId("many-parallel")) {
    cleared(root);
    root.append(h("div", { id: "many-matrix" }), h("div", { class: "wide", id: "many-parallel", tabindex: "0", role: "region", "aria-label": "Parallel coordinates" }));
  }
  if (Object.keys(run.objectives).length > 2) drawMatrix(run);
  drawParallel(run);
}

function followMany(run) {
  if (!byId("many-parallel")) return;
  if (Object.keys(run.objectives).length > 2) drawMatrix(run);
  if (state.from !== "parallel-chart") drawParallel(run);
}

view("many", { draw: drawMany, follow: followMany });
