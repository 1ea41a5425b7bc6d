/* How points look: colour, symbol and size by any column; unasked, colour and symbol by the rule. */

const looks = { colour: "", symbol: "", size: "" };
const MARKERS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "cross", "star", "hexagram", "x"];
const SIZES = [6, 22];
const MOST_KINDS = 12;

/* Columns of few values, which can be told apart by symbols and colours of their own. */
const kindsOf = (run, name) => [...new Set(run.trials.map((trial) => run.value(trial, name)))].filter((value) => value !== null).sort((a, b) => (a > b ? 1 : -1));
const hasFew = (run, column) => column.kind !== "number" && column.name !== "rule" && !["key", "reason", "started", "note"].includes(column.name) && kindsOf(run, column.name).length <= MOST_KINDS;

function lookControls(run, redraw) {
  const few = run.columns.filter((column) => hasFew(run, column)).map((column) => [column.name, column.label]);
  const numbers = run.numeric().map((column) => [column.name, column.label]);
  const control = (key, options) =>
    select(key, options, looks[key], (value) => {
      looks[key] = value;
      remember();
      redraw();
    });
  return [control("colour", [["", "rule"], ...few, ...numbers]), control("symbol", [["", "rule"], ...few]), control("size", [["", "the same"], ...numbers])];
}

/* Names that this run does not have, as after another one was looked at. */
function soundLooks(run) {
  for (const key of Object.keys(looks)) if (looks[key] && !run.column.has(looks[key])) looks[key] = "";
}

/* The markers of some trials of one rule, by what was chosen. `large`: those that stand out. */
function markerOf(run, trials, rule, { size, opacity }) {
  const [tone, marker] = run.style(rule);
  return {
    ...coloured(run, trials, tone),
    symbol: looks.symbol ? trials.map((trial) => markerFor(run, looks.symbol, run.value(trial, looks.symbol))) : marker,
    size: looks.size ? sized(run, trials) : size,
    opacity,
  };
}

function coloured(run, trials, tone) {
  if (!looks.colour) return { color: tone };
  if (run.column.get(looks.colour).kind !== "number") return { color: trials.map((trial) => toneFor(run, looks.colour, run.value(trial, looks.colour))) };
  const scale = scaleOf(run, looks.colour);
  return { color: trials.map((trial) => scale.place(run.value(trial, looks.colour))), colorscale: "Cividis", cmin: scale.low, cmax: scale.high };
}

const toneFor = (run, name, value) => (value === null ? NEUTRAL : run.tones[kindsOf(run, name).indexOf(value) % run.tones.length]);
const markerFor = (run, name, value) => MARKERS[Math.max(0, kindsOf(run, name).indexOf(value)) % MARKERS.length];

/* From a column's values to places on a scale, logarithmic where the column is. */
function scaleOf(run, name) {
  const { log } = run.column.get(name);
  const place = (value) => (value === null ? null : log ? Math.log10(value) : value);
  const places = run.trials.map((trial) => place(run.value(trial, name))).filter((value) => value !== null);
  return { log, place, low: places.reduce((a, b) => Math.min(a, b), Infinity), high: places.reduce((a, b) => Math.max(a, b), -Infinity) };
}

/* Areas, not widths, are what is compared. */
function sized(run, trials) {
  const { place, low, high } = scaleOf(run, looks.size);
  const [least, most] = SIZES;
  return trials.map((trial) => {
    const at = place(run.value(trial, looks.size));
    return at === null ? least : Math.sqrt(least ** 2 + ((at - low) / (high - low || 1)) * (most ** 2 - least ** 2));
  });
}

/* What the colours and symbols mean, as entries of the legend or a scale beside the chart. */
function lookLegend(run, rules) {
  const sign = (name, marker) => ({ x: [null], y: [null], mode: "markers", name: escaped(name), marker: { size: 10, ...marker }, hoverinfo: "skip" });
  const shown = [];
  if (!looks.colour || !looks.symbol) {
    for (const rule of rules) {
      const [tone, marker] = run.style(rule);
      shown.push({ ...sign(rule, { color: looks.colour ? NEUTRAL : tone, symbol: looks.symbol ? "circle" : marker }), legendgroup: escaped(rule) });
    }
  }
  if (looks.colour && run.column.get(looks.colour).kind !== "number") shown.push(...kindsOf(run, looks.colour).map((value) => sign(String(value), { color: toneFor(run, looks.colour, value) })));
  else if (looks.colour) shown.push(colourBar(run));
  if (looks.symbol) shown.push(...kindsOf(run, looks.symbol).map((value) => sign(String(value), { color: NEUTRAL, symbol: markerFor(run, looks.symbol, value) })));
  return shown;
}

function colourBar(run) {
  const { low, high, log } = scaleOf(run, looks.colour);
  const ticks = [0, 0.5, 1].map((part) => low + part * (high - low));
  return {
    x: [null], y: [null], mode: "markers", showlegend: false, hoverinfo: "skip",
    marker: {
      color: [low], colorscale: "Cividis", cmin: low, cmax: high, showscale: true,
      colorbar: { title: { text: escaped(run.label(looks.colour)), side: "right" }, thickness: 10, outlinewidth: 0, tickvals: ticks, ticktext: ticks.map((tick) => number(log ? 10 ** tick : tick, 3)) },
    },
  };
}

for (const key of Object.keys(looks)) inAddress(key, () => looks[key], (text) => (looks[key] = text));
