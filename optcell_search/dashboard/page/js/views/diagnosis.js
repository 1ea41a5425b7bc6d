/* What kinds of mistakes the finalized trials make on the test split: confusion, residuals. */

function drawDiagnosis(run) {
  const root = byId("diagnosis");
  root.hidden = !run.confusions.length && !run.residuals.length;
  if (root.hidden) return;
  cleared(root);
  root.append(h("p", {}, "What the finalized candidates, trained with fresh seeds, make of the test split; nothing here was seen by the search."));
  for (const found of run.confusions) root.append(...[confusionPart(run, found), worstPart(run, found)].filter(Boolean));
  for (const found of run.residuals) root.append(h("div", { class: "pair" }, h("div", { id: `residual-${found.number}` }), h("div", { id: `residuals-${found.number}` })), h("div", { id: `forecast-${found.number}` }));
  for (const found of run.confusions) drawConfusion(found);
  for (const found of run.residuals) drawResiduals(run, found);
  for (const found of run.residuals) if (found.ahead.length > 1) drawForecast(run, found);
}

const share = (value) => (value === null ? "–" : number(value, 3));

function confusionPart(run, { number: trial, scores }) {
  const line = (one) => h("tr", {}, h("th", { scope: "row" }, one.name), ...[number(one.amount), share(one.precision), share(one.recall), share(one.f1)].map((text) => h("td", { class: "amount" }, text)));
  const heads = ["class", "sequences", "precision", "recall", "F1"];
  const table = h("table", {}, h("thead", {}, h("tr", {}, heads.map((name, i) => h("th", { scope: "col", class: i ? "amount" : "" }, name)))), h("tbody", {}, scores.map(line)));
  return h(
    "div",
    { class: "pair" },
    h("div", { id: `confusion-${trial}` }),
    h("div", {}, h("p", { class: "tools" }, saveTable(`classes of trial ${trial}`, () => rowsOf(table))), h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": `Scores of each class, trial ${trial}` }, table))
  );
}

function drawConfusion({ number: trial, classes, matrix }) {
  const total = matrix.flat().reduce((sum, amount) => sum + amount, 0);
  const right = matrix.reduce((sum, row, i) => sum + row[i], 0);
  const wrong = matrix.flatMap((row, i) => row.map((amount, j) => ({ amount, i, j }))).filter(({ i, j }) => i !== j).sort((a, b) => b.amount - a.amount);
  const worst = wrong.length && wrong[0].amount ? ` Most often ${classes[wrong[0].i]} is taken for ${classes[wrong[0].j]} (${number(wrong[0].amount)} times).` : "";
  const chart = figure(byId(`confusion-${trial}`), `confusion-${trial}-chart`, 130 + 26 * Math.min(classes.length, 20), `Confusion of trial ${trial}`, `Trial ${trial}: ${number(right)} of ${number(total)} right, over all seeds.${worst} Shaded is the share of each true class.`);
  const names = classes.map(escaped);
  plot(
    chart,
    [
      {
        type: "heatmap",
        x: names,
        y: names,
        z: matrix.map((row) => row.map((amount) => amount / (row.reduce((a, b) => a + b, 0) || 1))),
        text: matrix.map((row) => row.map((amount) => (amount ? number(amount) : ""))),
        texttemplate: classes.length <= 15 ? "%{text}" : "",
        zmin: 0,
        zmax: 1,
        colorscale: [[0, colour("--card")], [1, colour("--accent")]],
        showscale: false,
        xgap: 1,
        ygap: 1,
        hovertemplate: "%{y} taken for %{x}: %{text} (%{z:.1%})<extra></extra>",
      },
    ],
    { dragmode: false, xaxis: { ...axisOf("predicted class"), type: "category" }, yaxis: { ...axisOf("true class"), type: "category", autorange: "reversed" }, uirevision: String(trial) },
    { brush: false }
  );
}

/* What a forecast calls +1 is the value one step ahead. */
const inWords = (name) => (/^\+\d+$/.test(name) ? `value ${count(Number(name), "step")} ahead` : name);

function drawResiduals(run, { number: trial, name: asked, target, predicted, mean, deviation }) {
  const name = inWords(asked);
  const tone = run.style(run.value(trial, "rule"))[0];
  const sentence = `Trial ${trial}: each answer against the truth; on the line it would be right. Predicted less true is ${number(mean, 3)}${deviation === null ? "" : ` on average, ± ${number(deviation, 3)}`}.`;
  const chart = figure(byId(`residual-${trial}`), `residual-${trial}-chart`, 340, `Predicted ${name} against the truth, trial ${trial}`, sentence);
  const ends = [Math.min(...target), Math.max(...target)];
  const line = { x: ends, y: ends, mode: "lines", line: { color: NEUTRAL, dash: "dot", width: 1.5 }, hoverinfo: "skip", showlegend: false };
  const dots = { x: target, y: predicted, mode: "markers", type: scatterType(target.length), marker: { color: tone, size: 5, opacity: 0.6 }, hovertemplate: "true %{x:.4g}, predicted %{y:.4g}<extra></extra>", showlegend: false };
  plot(chart, [line, dots], { dragmode: touch.matches ? false : "zoom", xaxis: axisOf(`true ${name}`), yaxis: axisOf(`predicted ${name}`), uirevision: String(trial) }, { brush: false });
  const below = figure(byId(`residuals-${trial}`), `residuals-${trial}-chart`, 340, `Residuals of ${name}, trial ${trial}`, "How often it is off by how much: predicted less true. A hill beside 0 is a bias, a long tail are rare large mistakes.");
  plot(
    below,
    [{ type: "histogram", x: predicted.map((value, i) => value - target[i]), marker: { color: tone }, hovertemplate: "%{x}: %{y}<extra></extra>", showlegend: false }],
    { dragmode: false, bargap: 0.05, xaxis: axisOf("predicted − true"), yaxis: axisOf("answers"), uirevision: String(trial) },
    { brush: false }
  );
}

/* What was forecast one step ahead beside what came, along the test split. */
function drawForecast(run, { number: trial, name, target, predicted, ahead }) {
  const [tone] = run.style(run.value(trial, "rule"));
  const chart = figure(byId(`forecast-${trial}`), `forecast-${trial}-chart`, 300, `Forecasts of trial ${trial} over time`, `Trial ${trial}: what it forecast one step ahead (strong) beside what came (dotted), along the test split${ahead.length < target.length ? "; of many an even sample" : ""}.`);
  const order = ahead.map((_, i) => i + 1);
  const line = (values, more) => ({ x: order, y: ahead.map((i) => values[i]), mode: "lines", ...more });
  plot(
    chart,
    [line(target, { name: "what came", line: { color: NEUTRAL, dash: "dot", width: 1.5 } }), line(predicted, { name: `forecast of trial ${trial}`, line: { color: tone, width: 2 } })],
    { dragmode: touch.matches ? false : "zoom", xaxis: axisOf("test split, in the order of time"), yaxis: axisOf(escaped(/^\+\d+$/.test(name) ? "value" : name)), uirevision: String(trial) },
    { brush: false }
  );
}

view("diagnosis", { draw: drawDiagnosis, follow: () => {}, always: true });
