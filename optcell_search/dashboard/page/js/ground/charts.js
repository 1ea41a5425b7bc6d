/* Charts: the colours of text and lines are the page's; what is selected, is selected in all. */

const dark = matchMedia("(prefers-color-scheme: dark)");
const touch = matchMedia("(pointer: coarse)");
const NEUTRAL = "#808080";
const FAINT = 0.38;
/* From here on points are drawn by the graphics card. */
const MANY = 1500;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/* What goes on paper is drawn with lines and light, see `work/paper`. */
let onPaper = false;
const MOST_ON_PAPER = 6000;

const webgl = (() => {
  const canvas = document.createElement("canvas");
  return Boolean(canvas.getContext("webgl"));
})();

const scatterType = (amount) => (amount > (onPaper ? MOST_ON_PAPER : MANY) && webgl ? "scattergl" : "scatter");

function themed(layout) {
  const line = colour("--line");
  const base = {
    automargin: true,
    zeroline: false,
    gridcolor: line,
    linecolor: line,
    tickcolor: line,
    exponentformat: "none",
    separatethousands: true,
  };
  const axes = {};
  for (const name of Object.keys(layout)) {
    if (/^[xy]axis\d*$/.test(name)) axes[name] = { ...base, ...layout[name] };
  }
  return {
    margin: { l: 8, r: 12, t: 10, b: 8 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    hovermode: "closest",
    // On a touch screen a finger on a chart scrolls the page.
    dragmode: touch.matches ? false : "select",
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("--ink") },
    hoverlabel: {
      bgcolor: colour("--card"),
      bordercolor: line,
      font: { color: colour("--ink") },
      align: "left",
    },
    legend: { orientation: "h", yanchor: "bottom", y: 1.02, x: 0, itemsizing: "constant" },
    newselection: { line: { color: colour("--accent"), width: 1.5, dash: "dot" } },
    activeselection: { fillcolor: colour("--accent"), opacity: 0.08 },
    ...layout,
    ...axes,
  };
}

/* 1, 2, 5 times the powers of ten inside [low, high], fewer where they would crowd. */
function logTicks(low, high, most = 9) {
  const powers = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) powers.push(power);
  let ticks = [];
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    ticks = powers.flatMap((power) => steps.map((one) => Number(`${one}e${power}`))).filter((tick) => tick >= low && tick <= high);
    if (ticks.length <= most) break;
  }
  return ticks;
}

function shortTick(value) {
  for (const [limit, unit] of [[1e9, "G"], [1e6, "M"]]) if (value >= limit) return `${value / limit}${unit}`;
  return value >= 1000 ? grouped.format(value) : String(value);
}

/* Logarithmic axes get ticks that can be read. */
function withTicks(layout, traces, width) {
  const found = { ...layout };
  for (const side of ["x", "y"]) {
    const axis = layout[`${side}axis`];
    if (!axis || axis.type !== "log") continue;
    let [low, high] = [Infinity, -Infinity];
    for (const trace of traces) {
      for (const value of trace[side] || []) {
        if (value > 0 && value < low) low = value;
        if (value > high) high = value;
      }
    }
    if (!(low < high)) continue;
    const ticks = logTicks(low / 1.2, high * 1.2, side === "x" && width < 500 ? 6 : 9);
    if (ticks.length > 1) found[`${side}axis`] = { ...axis, tickvals: ticks, ticktext: ticks.map(shortTick) };
  }
  return found;
}

const CONFIG = {
  responsive: true,
  displaylogo: false,
  displayModeBar: "hover",
  // Nothing leaves the machine: neither a chart nor where it is.
  showSendToCloud: false,
  plotlyServerURL: "",
};

/* What is pointed at in a chart: clicks pick a trial, boxes and lassos choose several. */
function plot(element, traces, layout, options = {}) {
  const removed = ["autoScale2d", "toImage", ...(options.brush === false ? ["select2d", "lasso2d"] : [])];
  Plotly.react(element, traces, themed(withTicks(layout, traces, element.clientWidth)), { ...CONFIG, modeBarButtonsToRemove: removed });
  quietBar(element);
  letGo(element);
  if (element.dataset.wired) return;
  element.dataset.wired = "yes";
  element.on("plotly_click", (event) => {
    const [point] = event.points.filter((one) => typeof one.customdata === "number");
    if (point) pick(point.customdata);
  });
  if (options.brush === false) return;
  element.on("plotly_selected", (event) => {
    if (!event || clearing) return;
    const chosen = event.points.map((one) => one.customdata).filter((one) => typeof one === "number");
    if (chosen.length) choose(new Set(chosen), element.id);
    // Plotly has still to note that nothing lies in the box.
    else setTimeout(() => choose(null));
  });
  element.on("plotly_deselect", () => (clearing ? null : choose(null)));
}

/* After a box in which nothing lay Plotly goes on to show every point as left out. */
function letGo(element) {
  if (state.chosen || !element.data.some((trace) => trace.selectedpoints)) return;
  clearing = true;
  Plotly.restyle(element, { selectedpoints: [null] });
  clearing = false;
}

/* The tool bar is no stop of the keyboard: a chart is one stop, and its keys do the same. */
function quietBar(element) {
  for (const button of element.querySelectorAll(".modebar-btn")) button.setAttribute("tabindex", "-1");
}

let clearing = false;

/* Takes the boxes and lassos away that select no longer. */
function withoutBoxes(except) {
  clearing = true;
  for (const chart of document.querySelectorAll(".figure")) {
    if (chart.id !== except && chart.layout?.selections?.length) Plotly.relayout(chart, { selections: [] });
  }
  clearing = false;
}

const TOOLS = { "+": '[data-val="in"]', "-": '[data-val="out"]', 0: '[data-attr="zoom"][data-val="reset"]' };

function keysOfChart(event) {
  if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") step(event.key === "ArrowRight" ? 1 : -1);
  else if (TOOLS[event.key]) event.currentTarget.querySelector(`.modebar-btn${TOOLS[event.key]}`)?.click();
  else return;
  event.preventDefault();
}

/* At most so many trials, in their order: an even sample, in which the chosen ones, or without a
   selection the front, go before the others. */
function sampled(run, trials, most) {
  if (trials.length <= most) return trials;
  const even = (some, amount) => some.filter((_, i) => i % Math.max(1, Math.ceil(some.length / amount)) === 0);
  const first = state.chosen || run.onFront;
  const strong = even(trials.filter((trial) => first.has(trial)), Math.ceil((2 * most) / 3));
  const others = even(trials.filter((trial) => !first.has(trial)), most - strong.length);
  const kept = new Set([...strong, ...others]);
  return trials.filter((trial) => kept.has(trial));
}

/* What trials say when they are pointed at. Of many it is put together in pauses, in the very list
   that the chart reads from when it is pointed at. */
function hovers(run, trials) {
  if (run.index.size <= MANY) return trials.map((trial) => hover(run, trial));
  const texts = trials.map((trial) => run.hovers.get(trial) || `trial ${trial}`);
  const left = [...trials.keys()].filter((i) => !run.hovers.has(trials[i]));
  const goOn = () => {
    const until = performance.now() + FRAME;
    while (left.length && performance.now() < until) {
      const i = left.pop();
      texts[i] = hover(run, trials[i]);
    }
    if (left.length) setTimeout(goOn, CALM);
  };
  if (left.length) setTimeout(goOn, CALM);
  return texts;
}

/* A trace of trials, with the chosen ones marked as such. */
function points(run, trials, x, y, trace) {
  const selected = state.chosen ? trials.flatMap((trial, i) => (state.chosen.has(trial) ? [i] : [])) : null;
  return {
    type: scatterType(run.index.size),
    mode: "markers",
    x,
    y,
    customdata: trials,
    text: hovers(run, trials),
    hovertemplate: "%{text}<extra></extra>",
    selectedpoints: selected,
    selected: { marker: { opacity: 0.95 } },
    unselected: { marker: { opacity: 0.08 } },
    showlegend: false,
    ...trace,
  };
}

/* An entry of the legend that looks the same whichever points there are. */
function legend(run, rule) {
  const [tone, marker] = run.style(rule);
  return {
    x: [null],
    y: [null],
    mode: "markers",
    name: escaped(rule),
    legendgroup: escaped(rule),
    marker: { color: tone, symbol: marker, size: 10 },
    hoverinfo: "skip",
  };
}

function swatch(run, rule) {
  const [tone, marker] = run.style(rule);
  return h("span", { class: `swatch ${marker}`, style: `--rule: ${tone}` });
}

const ring = (x, y, name, trace = {}) => ({
  x: [x],
  y: [y],
  mode: "markers",
  name,
  marker: { symbol: "circle-open", size: 22, color: colour("--ink"), line: { width: 2, color: colour("--ink") } },
  hoverinfo: "skip",
  ...trace,
});

const pickRing = (x, y) =>
  ring(x, y, `picked: trial ${state.picked}`, {
    marker: { symbol: "diamond-open", size: 20, color: colour("--accent"), line: { width: 3, color: colour("--accent") } },
  });

const axisOf = (label, log = false) => ({ title: { text: escaped(label) }, type: log ? "log" : "linear" });

/* A line at what needs no input, where it lies among the values or near them: one far off would
   leave the values no room. */
function withoutInput(run, metric, side, values, split = "search") {
  const level = run.without(metric, split);
  const known = values.filter((value) => value !== null);
  if (level === null || !known.length) return [];
  const [low, high] = known.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  const near = (high - low) / 2;
  if (level < low - near || level > high + near) return [];
  const across = side === "x" ? { x0: level, x1: level, y0: 0, y1: 1, yref: "paper" } : { y0: level, y1: level, x0: 0, x1: 1, xref: "paper" };
  const text = side === "x" ? { textposition: "end", textangle: 0 } : { textposition: "start" };
  return [{ type: "line", ...across, line: { color: NEUTRAL, width: 1, dash: "dash" }, label: { text: "no input", font: { size: 12, color: colour("--ink") }, ...text } }];
}

/* A figure with its sentence: no chart without a word on what to see in it. */
function figure(root, id, height, label, sentence) {
  let chart = byId(id);
  if (!chart) {
    chart = h("div", { class: "figure", id, role: "group", tabindex: "0", style: `height:${height}px`, onkeydown: keysOfChart });
    root.append(h("div", { class: "about" }, h("p", { class: "says", id: `${id}-says` }), saveChart(chart)), chart);
  }
  chart.setAttribute("aria-label", label);
  byId(`${id}-says`).textContent = sentence;
  return chart;
}

/* Takes away what a view has drawn, but for its title. */
function cleared(root) {
  for (const chart of root.querySelectorAll(".figure")) Plotly.purge(chart);
  root.replaceChildren(...root.querySelectorAll(":scope > h2"));
}

function nothing(root, text) {
  cleared(root);
  root.append(h("p", { class: "note" }, text));
}

dark.addEventListener("change", () => changed("draw"));
