/* What each rule wants: the first objective over its hyperparameters, and rule by cell. */

const ruleAxes = new Map();
/* More in a chart of this size lie on each other, and five such charts would take their time. */
const MOST_POINTS = 600;

function ruleCard(run, answer) {
  const known = run.equations.rule[answer.rule];
  const card = h(
    "article",
    { "data-rule": answer.rule },
    h("h3", {}, swatch(run, answer.rule), answer.rule, known ? h("small", {}, ` ${known.title}`) : null),
    known ? equation(known.equation) : null,
    h("p", { class: "answer" })
  );
  if (!answer.numbers.length) return card;
  if (!answer.axes.length) card.append(h("p", { class: "note" }, "None of its hyperparameters varied."));
  else card.append(h("p", { class: "tools" }), h("div", { class: "room" }));
  return card;
}

function chosenAxes(run, answer) {
  const objective = { name: run.first, label: run.label(run.first), log: false };
  const [x, y] = ruleAxes.get(answer.rule) || [];
  const all = [...answer.axes, objective];
  const find = (name) => all.find((axis) => axis.name === name);
  return [find(x) || answer.axes[0], find(y) || answer.axes[1] || objective, all];
}

function surfaceOf(answer, x, y) {
  for (const surface of answer.surfaces) {
    if (surface.x === x.name && surface.y === y.name) return surface;
    if (surface.x === y.name && surface.y === x.name) {
      return { xs: surface.ys, ys: surface.xs, values: surface.ys.length ? surface.values[0].map((_, i) => surface.values.map((row) => row[i])) : [] };
    }
  }
  return null;
}

function drawResponse(run, answer, chart) {
  const [x, y] = chosenAxes(run, answer);
  const [dull, bright] = run.limits;
  const scale = { colorscale: "Cividis", reversescale: dull > bright, cmin: Math.min(dull, bright), cmax: Math.max(dull, bright) };
  // The best ones last, so that they lie on top.
  const trials = sampled(run, answer.numbers.filter((trial) => run.index.has(trial)), MOST_POINTS).reverse();
  const values = trials.map((trial) => run.value(trial, run.first));
  const [tone, marker] = run.style(answer.rule);
  const free = y.name === run.first;
  const surface = surfaceOf(answer, x, y);
  const traces = [];
  if (surface) {
    traces.push({
      type: "contour",
      x: surface.xs,
      y: surface.ys,
      z: surface.values,
      colorscale: "Cividis",
      reversescale: dull > bright,
      zmin: scale.cmin,
      zmax: scale.cmax,
      showscale: false,
      opacity: 0.75,
      ncontours: 12,
      line: { width: 0.5, color: NEUTRAL },
      hoverinfo: "skip",
      connectgaps: false,
    });
  }
  const size = trials.length > 400 ? 5 : 9;
  const look = free ? { color: tone, opacity: 0.7 } : { color: values, ...scale };
  traces.push(
    points(run, trials, trials.map((t) => run.value(t, x.name)), trials.map((t) => run.value(t, y.name)), {
      // Each chart on the graphics card takes one of the few places that a browser has there.
      type: "scatter",
      marker: { symbol: marker, size, line: { width: trials.length > 400 ? 0 : 1, color: NEUTRAL }, ...look },
    })
  );
  if (trials.includes(state.picked)) traces.push({ ...pickRing(run.value(state.picked, x.name), run.value(state.picked, y.name)), showlegend: false });
  plot(chart, traces, { xaxis: axisOf(x.label, x.log), yaxis: axisOf(y.label, y.log), uirevision: run.name + x.name + y.name });
}

function updateCard(run, answer, card) {
  const surface = answer.axes.length > 1 && surfaceOf(answer, ...chosenAxes(run, answer));
  const how = surface ? " Shaded is the mean of the trials nearby, where enough of them lie." : "";
  const some = answer.numbers.length > MOST_POINTS ? ` Drawn is an even sample of about ${number(MOST_POINTS)}, selected ones before others.` : "";
  card.querySelector(".answer").textContent = answer.sentence + how + some;
  const room = card.querySelector(".room");
  if (!room) return;
  const [x, y, all] = chosenAxes(run, answer);
  const label = `${answer.rule}: ${run.label(run.first)} over ${x.label} and ${y.label}`;
  const chart = figure(room, `rule-${run.responses.indexOf(answer)}`, 290, label, "");
  if (answer.axes.length > 1) {
    const options = all.map((axis) => [axis.name, axis.label]);
    const change = (names) => {
      ruleAxes.set(answer.rule, names);
      remember();
      drawRules(current());
    };
    card.querySelector(".tools").replaceChildren(
      select("x axis", options.slice(0, -1), x.name, (name) => change([name, y.name])),
      select("y axis", options, y.name, (name) => change([x.name, name]))
    );
  }
  drawResponse(run, answer, chart);
}

function scaleNote(run) {
  const [dull, bright] = run.limits;
  const note = h("p", { id: "rules-note" }, "Every ranked trial of a rule at its hyperparameters, the best rule first. ");
  if (dull !== bright) {
    note.append(
      `The colour is ${run.label(run.first)}: `,
      h("span", { class: "scale" }, h("span", {}, number(dull)), h("i"), h("span", {}, `${number(bright)}, best`))
    );
  }
  return note;
}

function ruleMatrix(run) {
  const { rules, cells, pairs } = run.map;
  const find = (rule, cell) => pairs.find((pair) => pair.rule === rule && pair.cell === cell);
  const entry = (pair) => {
    if (!pair) return h("td", { class: "none" }, "–");
    const choosePair = () => {
      choose(new Set(run.trials.filter((t) => run.value(t, "rule") === pair.rule && run.value(t, "cell") === pair.cell)), "map");
      pick(pair.number);
    };
    const early = pair.stopped ? `${number(pair.stopped)} stopped early` : "";
    const says = pair.best === null ? early : `median ${number(pair.median, 3)}, ${count(pair.count + pair.stopped, "trial")}${early && `, ${early}`}`;
    return h(
      "td",
      { style: `--good: ${Math.round(100 * pair.share)}%` },
      h(
        "button",
        { type: "button", title: `Select the trials of ${pair.rule} on ${pair.cell}${pair.number === null ? "" : `, pick trial ${pair.number}`}`, onclick: choosePair },
        h("b", {}, number(pair.best)),
        h("small", {}, says)
      )
    );
  };
  return h(
    "div",
    { id: "map" },
    h("h3", {}, "Rule by cell"),
    h("p", {}, `The best ${run.label(run.first)} of each pair; below it the median over its trials. The stronger the shade, the better. Press one to select its trials.`),
    h(
      "div",
      { class: "wide", tabindex: "0", role: "region", "aria-label": "Rule by cell" },
      h(
        "table",
        { class: "matrix" },
        h("thead", {}, h("tr", {}, h("td"), cells.map((cell) => h("th", { scope: "col" }, cell)))),
        h("tbody", {}, rules.map((rule) => h("tr", {}, h("th", { scope: "row" }, swatch(run, rule), rule), cells.map((cell) => entry(find(rule, cell))))))
      )
    )
  );
}

function drawRules(run) {
  const root = byId("rules");
  if (!run.growth) return nothing(root, run.ranked.size ? "Being worked out." : "No trial is ranked yet.");
  if (!run.responses.length) return nothing(root, "No trial is ranked yet.");
  let cards = byId("answers");
  const wanted = run.responses.map((answer) => answer.rule).join("\n");
  if (!cards || cards.dataset.rules !== `${run.name}\n${wanted}`) {
    cleared(root);
    cards = h("div", { class: "answers", id: "answers", "data-rules": `${run.name}\n${wanted}` }, run.responses.map((answer) => ruleCard(run, answer)));
    root.append(h("p", { id: "rules-note" }), cards, h("div", { id: "map" }));
  }
  byId("rules-note").replaceWith(scaleNote(run));
  run.responses.forEach((answer, i) => updateCard(run, answer, cards.children[i]));
  byId("map").replaceWith(ruleMatrix(run));
}

function followRules(run) {
  const cards = byId("answers");
  if (!cards) return;
  run.responses.forEach((answer, i) => {
    const chart = cards.children[i].querySelector(".figure");
    if (chart) drawResponse(run, answer, chart);
  });
}

view("rules", { draw: drawRules, follow: followRules });

inAddress("rules", () => [...ruleAxes].map(([rule, names]) => [rule, ...names].join("~")).join(","), (text) => {
  ruleAxes.clear();
  for (const part of text.split(",").filter(Boolean)) {
    const [rule, ...names] = part.split("~");
    ruleAxes.set(rule, names);
  }
});
