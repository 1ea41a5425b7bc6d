/* How far the search was at each moment: the dominated volume, or the best value, and the front. */

const growthView = { along: "finished" };

function drawGrowth(run) {
  const root = byId("growth");
  const { growth } = run;
  if (!growth) return nothing(root, "Being worked out.");
  if (growth.finished.length < 2) return nothing(root, "This view starts with the second ranked trial.");
  if (!byId("growth-tools")) {
    cleared(root);
    const change = (value) => {
      growthView.along = value;
      remember();
      drawGrowth(current());
    };
    const along = [["finished", "finished trials"], ["seconds", "time since the start"]];
    root.append(h("p", { class: "tools", id: "growth-tools" }, select("x axis", along, growthView.along, change)));
    root.append(h("div", { class: "pair", id: "growth-pair" }, h("div", { id: "growth-left" }), h("div", { id: "growth-right" })));
  }
  const what = run.several ? "hypervolume, share of the box of all ranked trials" : run.label(run.first);
  const last = growth.value.at(-1);
  const half = growth.finished[growth.value.findIndex((value) => value >= 0.95 * last)];
  const sentence = run.several
    ? `The share of the box between the worst and the best values that the front dominates: ${number(100 * last, 3)} % now; 95 % of that were there after ${count(half, "finished trial")}. A long flat end says that more trials of this kind would add little.`
    : `The best value so far: ${number(last)}. A long flat end says that more trials of this kind would add little.`;
  const chart = figure(byId("growth-left"), "growth-chart", 300, what, sentence);
  const seconds = growthView.along === "seconds";
  const [unit, per] = growth.seconds.at(-1) > 7200 ? ["h", 3600] : growth.seconds.at(-1) > 180 ? ["min", 60] : ["s", 1];
  plot(
    chart,
    [
      {
        x: seconds ? growth.seconds.map((value) => value / per) : growth.finished,
        y: growth.value,
        mode: "lines",
        line: { shape: "hv", width: 2, color: colour("--accent") },
        text: growth.size.map((size) => `${count(size, "trial")} on the front`),
        hovertemplate: "%{text}<br>%{y:.4g}<extra></extra>",
        showlegend: false,
      },
    ],
    {
      dragmode: touch.matches ? false : "zoom",
      xaxis: axisOf(seconds ? `time since the start (${unit})` : "finished trials"),
      yaxis: { ...axisOf(run.several ? "hypervolume (share)" : run.label(run.first)), ...(run.several ? { rangemode: "tozero" } : {}) },
      uirevision: run.name + growthView.along,
    },
    { brush: false }
  );
  drawEarlier(run);
}

/* With two objectives a front is a line, and earlier ones lie behind it. */
function drawEarlier(run) {
  const names = Object.keys(run.objectives);
  byId("growth-pair").classList.toggle("single", names.length !== 2);
  if (names.length !== 2) return;
  const [y, x] = names;
  const chart = figure(
    byId("growth-right"),
    "earlier-chart",
    300,
    "The front after a quarter, a half, three quarters and all of the trials",
    "The front when a quarter, a half and three quarters of the trials had finished (dashed, ever stronger), and now. Where the lines lie on each other, nothing better was found since."
  );
  const steps = [...Object.entries(run.growth.earlier), [1, run.front]];
  const traces = steps.map(([share, trials], i) => {
    const sorted = [...trials].filter((t) => run.index.has(t)).sort((a, b) => run.value(a, x) - run.value(b, x));
    return {
      x: sorted.map((trial) => run.value(trial, x)),
      y: sorted.map((trial) => run.value(trial, y)),
      customdata: sorted,
      text: sorted.map((trial) => hover(run, trial)),
      hovertemplate: "%{text}<extra></extra>",
      mode: "lines+markers",
      name: share === 1 ? "now" : `${100 * share} %`,
      opacity: [0.35, 0.55, 0.75, 1][i],
      line: { color: colour("--accent"), width: share === 1 ? 2.5 : 1.2, dash: share === 1 ? "solid" : ["dot", "dash", "dashdot"][i] },
      marker: { size: share === 1 ? 6 : 4 },
    };
  });
  const log = (name) => run.axes.find((axis) => axis.name === name).log;
  plot(
    chart,
    traces,
    { dragmode: touch.matches ? false : "zoom", xaxis: axisOf(run.label(x), log(x)), yaxis: axisOf(run.label(y), log(y)), uirevision: run.name },
    { brush: false }
  );
}

view("growth", { draw: drawGrowth, follow: () => {} });
inAddress("growth", () => (growthView.along === "finished" ? "" : growthView.along), (text) => (growthView.along = text || "finished"));
