/* Equations and the picture of a cell: x → W → z → rule → u → cell → h. */

/* Sets the indices and powers of a plain-text equation: v_{t-1} and β^k. */
function equation(text) {
  const line = h("p", { class: "equation" });
  const mark = /([_^])(?:\{([^{}]*)\}|(\w))/g;
  let from = 0;
  for (const found of text.matchAll(mark)) {
    line.append(text.slice(from, found.index), h(found[1] === "_" ? "sub" : "sup", {}, found[2] ?? found[3]));
    from = found.index + found[0].length;
  }
  line.append(text.slice(from));
  return line;
}

function box(x, width, title, lines, tone) {
  const group = svg("g", {});
  group.append(svg("rect", { x, y: 38, width, height: 44, rx: 6, fill: "var(--card)", stroke: tone, "stroke-width": 2 }));
  const head = svg("text", { x: x + width / 2, y: 65, "text-anchor": "middle", "font-weight": 600 });
  head.append(title);
  group.append(head);
  lines.forEach((line, i) => {
    const text = svg("text", { x: x + width / 2, y: 102 + 17 * i, "text-anchor": "middle", class: "small" });
    text.append(line);
    group.append(text);
  });
  return group;
}

function arrow(from, to, label) {
  const group = svg("g", {});
  group.append(svg("path", { d: `M${from} 60 H${to - 6}`, stroke: "var(--ink)", "stroke-width": 1.5, "marker-end": "url(#tip)" }));
  const text = svg("text", { x: (from + to) / 2 - 3, y: 53, "text-anchor": "middle", "font-style": "italic" });
  text.append(label);
  group.append(text);
  return group;
}

/* A trial's cell as a picture with its values. */
function diagram(run, trial) {
  const rule = run.value(trial, "rule");
  const cell = run.value(trial, "cell");
  const model = run.section(trial, "model.");
  const values = Object.entries(run.own(trial, "rule")).filter(([name]) => name !== "eps");
  const options = Object.entries(run.own(trial, "cell")).map(([name, value]) => `${symbol(name)} ${number(value, 3)}`);
  const size = model.hidden_size ? [`hidden ${number(model.hidden_size)}`] : [];
  const layers = model.num_layers > 1 ? [`${model.num_layers} layers`] : [];
  const label = `x, weights, z, ${rule} ${told(run.own(trial, "rule"))}, u, ${cell}, h`;
  const picture = svg("svg", { viewBox: "0 0 600 158", role: "img", "aria-label": label, class: "diagram" });
  const tip = svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" });
  tip.append(svg("path", { d: "M0 0 L8 4 L0 8 z", fill: "var(--ink)" }));
  const defs = svg("defs", {});
  defs.append(tip);
  const loop = svg("path", {
    d: "M478 38 C478 4 398 4 398 32",
    fill: "none",
    stroke: "var(--ink)",
    "stroke-width": 1.5,
    "marker-end": "url(#tip)",
  });
  picture.append(
    defs,
    arrow(10, 60, "x"),
    box(60, 76, "W x + b", [], "var(--quiet)"),
    arrow(136, 192, "z"),
    box(192, 122, rule, values.map(([name, value]) => `${symbol(name)} = ${number(value, 3)}`).slice(0, 3), run.style(rule)[0]),
    arrow(314, 370, "u"),
    box(370, 136, cell, [...size, ...layers, ...options].slice(0, 3), "var(--accent)"),
    loop,
    arrow(506, 572, "h")
  );
  return picture;
}
