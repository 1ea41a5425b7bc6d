/* Objectives against each other: all trials, the front joined, the knee and the pick ringed. */

const frontView = { x: null, y: null, z: "", logX: null, logY: null, logZ: null };
const UNSET = { x: null, y: null, z: "", logX: null, logY: null, logZ: null };

function frontAxes(run) {
  const objectives = Object.keys(run.objectives);
  const names = new Set(run.numeric().map((column) => column.name));
  if (!names.has(frontView.y)) frontView.y = objectives[0];
  if (!names.has(frontView.x)) frontView.x = objectives[1] || "number";
  if (frontView.z && !names.has(frontView.z)) frontView.z = "";
  const log = (name) => run.axes.some((axis) => axis.name === name && axis.log) || run.column.get(name).log;
  if (frontView.logX === null) frontView.logX = log(frontView.x);
  if (frontView.logY === null) frontView.logY = log(frontView.y);
  if (frontView.logZ === null && frontView.z) frontView.logZ = log(frontView.z);
  soundLooks(run);
}

/* The trials that none other beats in these columns, which have to be objectives. */
function flatFront(run, x, y) {
  const up = (name) => (run.objectives[name] === "maximize" ? -1 : 1);
  const sorted = [...run.ranked].sort(
    (a, b) => up(x) * (run.value(a, x) - run.value(b, x)) || up(y) * (run.value(a, y) - run.value(b, y))
  );
  const found = [];
  let best = Infinity;
  for (const trial of sorted) {
    const value = up(y) * run.value(trial, y);
    if (value < best) {
      best = value;
      found.push(trial);
    }
  }
  return found;
}

/* The best value so far over the trials in their order. */
function bestSoFar(run, y) {
  const up = run.objectives[y] === "maximize" ? -1 : 1;
  let best = Infinity;
  return run.trials.filter((trial) => {
    if (!run.ranked.has(trial) || up * run.value(trial, y) >= best) return false;
    best = up * run.value(trial, y);
    return true;
  });
}

function frontLine(run) {
  const { x, y } = frontView;
  const line = { mode: "lines", hoverinfo: "skip", line: { color: colour("--ink"), width: 1.5, dash: "dot" } };
  const along = (trials, name, shape) => ({
    ...line,
    x: trials.map((trial) => run.value(trial, x)),
    y: trials.map((trial) => run.value(trial, y)),
    name,
    line: { ...line.line, shape },
  });
  if (x === y) return [];
  if (x in run.objectives && y in run.objectives) {
    const name = Object.keys(run.objectives).length > 2 ? "front of these two" : "front";
    return [along(flatFront(run, x, y), name, "linear")];
  }
  return x === "number" && y in run.objectives ? [along(bestSoFar(run, y), "best so far", "hv")] : [];
}

function frontTraces(run) {
  const { x, y } = frontView;
  const there = (trial) => run.value(trial, x) !== null && run.value(trial, y) !== null;
  const ranked = run.trials.filter((trial) => run.ranked.has(trial) && there(trial));
  const many = ranked.length > MANY;
  const at = (trials, trace) =>
    points(run, trials, trials.map((t) => run.value(t, x)), trials.map((t) => run.value(t, y)), trace);
  const traces = frontLine(run);
  const broken = run.infeasible.filter(there);
  if (broken.length) {
    traces.push(
      at(broken, { name: "breaks a constraint", showlegend: true, marker: { symbol: "x", size: 6, color: NEUTRAL, opacity: 0.5 } })
    );
  }
  const rules = [...new Set(ranked.map((trial) => run.value(trial, "rule")))].sort();
  for (const front of [false, true]) {
    for (const rule of rules) {
      const mine = ranked.filter((trial) => run.value(trial, "rule") === rule && run.onFront.has(trial) === front);
      if (!mine.length) continue;
      const size = front ? 13 : many ? 5 : 8;
      traces.push(at(mine, { legendgroup: escaped(rule), marker: markerOf(run, mine, rule, { size, opacity: front ? 1 : FAINT }), ...(front ? spreads(run, mine) : {}) }));
    }
  }
  return { traces, rules, there };
}

/* The spread over repeats or folds of the trials on the front, as bars through the points. */
function spreads(run, trials) {
  const bar = (name) => {
    const array = trials.map((trial) => run.value(trial, `${name}_std`));
    return array.some((value) => value) ? { type: "data", array, thickness: 1, width: 3, color: NEUTRAL } : null;
  };
  const bars = { error_x: bar(frontView.x), error_y: bar(frontView.y) };
  return Object.fromEntries(Object.entries(bars).filter(([, value]) => value));
}

function drawFlat(run, chart) {
  const { x, y } = frontView;
  const { traces, rules, there } = frontTraces(run);
  traces.push(...lookLegend(run, rules));
  if (run.knee !== null && there(run.knee)) traces.push(ring(run.value(run.knee, x), run.value(run.knee, y), `knee: trial ${run.knee}`));
  if (state.picked !== null && there(state.picked)) traces.push(pickRing(run.value(state.picked, x), run.value(state.picked, y)));
  plot(chart, traces, {
    xaxis: axisOf(run.label(x), frontView.logX),
    yaxis: axisOf(run.label(y), frontView.logY),
    shapes: [["x", x], ["y", y]].flatMap(([side, name]) => withoutInput(run, name, side, [...run.ranked].map((trial) => run.value(trial, name)))),
    uirevision: [run.name, x, y, frontView.logX, frontView.logY].join(),
  });
}

/* Three axes: the same points in space. */
function drawDeep(run, chart) {
  const names = [frontView.x, frontView.y, frontView.z];
  const ranked = run.trials.filter((trial) => run.ranked.has(trial) && names.every((name) => run.value(trial, name) !== null));
  const rules = [...new Set(ranked.map((trial) => run.value(trial, "rule")))].sort();
  const symbols = { "triangle-up": "cross", "triangle-down": "x", square: "square", diamond: "diamond" };
  const traces = [false, true].flatMap((strong) =>
    rules.map((rule) => {
      const [tone, marker] = run.style(rule);
      const mine = ranked.filter(
        (trial) => run.value(trial, "rule") === rule && (run.onFront.has(trial) && isChosen(trial)) === strong
      );
      return {
        type: "scatter3d",
        mode: "markers",
        x: mine.map((trial) => run.value(trial, names[0])),
        y: mine.map((trial) => run.value(trial, names[1])),
        z: mine.map((trial) => run.value(trial, names[2])),
        customdata: mine,
        text: mine.map((trial) => hover(run, trial)),
        hovertemplate: "%{text}<extra></extra>",
        name: escaped(rule),
        legendgroup: escaped(rule),
        showlegend: strong,
        marker: { color: tone, symbol: symbols[marker] || "circle", size: strong ? 6 : 3, opacity: strong ? 1 : 0.3 },
      };
    })
  );
  const scene = (name, log) => ({ ...axisOf(run.label(name), log), color: colour("--ink"), gridcolor: colour("--line") });
  plot(
    chart,
    traces,
    {
      dragmode: "turntable",
      scene: {
        xaxis: scene(names[0], frontView.logX),
        yaxis: scene(names[1], frontView.logY),
        zaxis: scene(names[2], frontView.logZ),
      },
      uirevision: [names, frontView.logX, frontView.logY, frontView.logZ].join(),
    },
    { brush: false }
  );
}

function frontSentence(run) {
  if (!run.several) {
    return "Each trial in the order in which it started; the dotted line is the best so far. Click a point to pick it, drag over several to select them.";
  }
  const amount = run.front.length;
  return (
    `${count(amount, "trial")} of ${number(run.ranked.size)} ranked ${amount === 1 ? "is" : "are"} on the front (large): ` +
    "none other is at least as good in every objective and better in one. Pale ones are beaten. " +
    "Click a point to pick it; drag over several to select them in every view."
  );
}

function frontControls(run, redraw) {
  const options = run.numeric().map((column) => [column.name, column.label]);
  const change = (values) => {
    Object.assign(frontView, values);
    remember();
    redraw();
  };
  const axis = (label, key, log, choices) => [
    select(`${label} axis`, choices, frontView[key], (value) => change({ [key]: value, [log]: null })),
    frontView[key] ? check("log", frontView[log], (on) => change({ [log]: on })) : null,
  ];
  return h(
    "p",
    { class: "tools", id: "front-tools" },
    ...axis("x", "x", "logX", options),
    ...axis("y", "y", "logY", options),
    webgl ? axis("z", "z", "logZ", [["", "–"], ...options]) : null,
    lookControls(run, redraw)
  );
}

function drawFront(run) {
  const root = byId("front");
  byId("front-title").textContent = run.several ? "The front" : "The search";
  if (!run.ranked.size) return nothing(root, run.overview.message || "No trial is ranked yet.");
  frontAxes(run);
  const deep = Boolean(frontView.z);
  const chart = byId("front-chart");
  if (!chart || (chart.dataset.deep === "yes") !== deep || !root.querySelector("#front-tools")) cleared(root);
  const place = figure(root, "front-chart", 470, `${run.label(frontView.y)} against ${run.label(frontView.x)}`, frontSentence(run));
  place.dataset.deep = deep ? "yes" : "";
  const tools = frontControls(run, () => drawFront(current()));
  if (byId("front-tools")) byId("front-tools").replaceWith(tools);
  else place.before(tools);
  if (deep) drawDeep(run, place);
  else drawFlat(run, place);
}

const followFront = (run) => (run.ranked.size ? (frontView.z ? drawDeep : drawFlat)(run, byId("front-chart")) : null);

view("front", { draw: drawFront, follow: followFront });

/* x,y,z with what was changed of it; a * behind a name: its axis is logarithmic, a -: it is not. */
const axisText = (run, key, log, usual) => {
  const name = frontView[key] ?? usual ?? "";
  const own = name && frontView[log] !== null && run.column.has(name) ? frontView[log] !== (run.axes.some((axis) => axis.name === name && axis.log) || run.column.get(name).log) : false;
  const sign = own ? (frontView[log] ? "*" : "-") : "";
  return (name === (usual ?? "") ? "" : name) + sign;
};
function readAxis(key, log, text) {
  frontView[key] = text.replace(/[*-]$/, "") || UNSET[key];
  frontView[log] = text.endsWith("*") ? true : text.endsWith("-") ? false : null;
}
for (const [key, log, at] of [["x", "logX", 1], ["y", "logY", 0], ["z", "logZ", -1]]) {
  const usual = (run) => (at < 0 ? "" : Object.keys(run.objectives)[at] || "number");
  inAddress(key, () => axisText(current(), key, log, usual(current())), (text) => readAxis(key, log, text));
}
