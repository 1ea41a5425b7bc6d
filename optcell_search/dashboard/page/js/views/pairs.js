/* Charts of any two columns of numbers, as many as are wanted, of every trial that has both. */

const MOST_CHARTS = 6;
/* Each: {x, y, logX, logY}. */
const pairsView = { charts: [] };

function pairTraces(run, { x, y }) {
  const there = run.trials.filter((trial) => run.value(trial, x) !== null && run.value(trial, y) !== null);
  const rules = [...new Set(there.map((trial) => run.value(trial, "rule")))].sort();
  const traces = rules.map((rule) => {
    const mine = there.filter((trial) => run.value(trial, "rule") === rule);
    return points(run, mine, mine.map((trial) => run.value(trial, x)), mine.map((trial) => run.value(trial, y)), {
      legendgroup: escaped(rule),
      marker: markerOf(run, mine, rule, { size: 7, opacity: 0.6 }),
    });
  });
  return [there.length, [...traces, ...lookLegend(run, rules)]];
}

function pairControls(run, chart, i) {
  const options = run.numeric().map((column) => [column.name, column.label]);
  const change = (key) => (value) => {
    chart[key] = value;
    if (key === "x" || key === "y") chart[key === "x" ? "logX" : "logY"] = run.column.get(value).log;
    changedPairs();
  };
  const remove = () => {
    pairsView.charts.splice(i, 1);
    changedPairs();
  };
  return h(
    "p",
    { class: "tools" },
    select("x axis", options, chart.x, change("x")),
    check("log", chart.logX, change("logX")),
    select("y axis", options, chart.y, change("y")),
    check("log", chart.logY, change("logY")),
    h("button", { type: "button", onclick: remove }, "Remove")
  );
}

function changedPairs() {
  remember();
  drawPairs(current());
}

function drawPairs(run) {
  const root = byId("pairs");
  cleared(root);
  const options = run.numeric().map((column) => column.name);
  pairsView.charts = pairsView.charts.filter((chart) => options.includes(chart.x) && options.includes(chart.y));
  const add = () => {
    const y = run.first;
    const x = options.find((name) => name !== y) || y;
    pairsView.charts.push({ x, y, logX: run.column.get(x).log, logY: run.column.get(y).log });
    changedPairs();
  };
  root.append(h("p", { class: "says" }, "Any column of numbers against any other one, of all trials that have both, those stopped early as well. Colours, symbols and sizes are those chosen for the front."));
  const rooms = pairsView.charts.map((chart, i) => h("div", { id: `pair-${i}` }, pairControls(run, chart, i)));
  root.append(h("div", { class: "answers" }, rooms), h("p", {}, h("button", { type: "button", id: "add-chart", onclick: add, disabled: pairsView.charts.length >= MOST_CHARTS }, "Add a chart")));
  followPairs(run);
}

function followPairs(run) {
  pairsView.charts.forEach((chart, i) => {
    const [amount, traces] = pairTraces(run, chart);
    const [x, y] = [run.label(chart.x), run.label(chart.y)];
    const place = figure(byId(`pair-${i}`), `pair-${i}-chart`, 320, `${y} against ${x}`, `${count(amount, "trial")}: ${y} against ${x}.`);
    plot(place, traces, { xaxis: axisOf(x, chart.logX), yaxis: axisOf(y, chart.logY), uirevision: [run.name, chart.x, chart.y, chart.logX, chart.logY].join() });
  });
}

view("pairs", { draw: drawPairs, follow: followPairs });

/* x~y, with a * behind a name where its axis is logarithmic. */
const pairText = (chart) => `${chart.x}${chart.logX ? "*" : ""}~${chart.y}${chart.logY ? "*" : ""}`;
function pairOf(text) {
  const [x, y] = text.split("~");
  return { x: x.replace(/\*$/, ""), y: (y || "").replace(/\*$/, ""), logX: x.endsWith("*"), logY: (y || "").endsWith("*") };
}
inAddress("charts", () => pairsView.charts.map(pairText).join(","), (text) => {
  pairsView.charts = text ? text.split(",").slice(0, MOST_CHARTS).map(pairOf) : [];
});
