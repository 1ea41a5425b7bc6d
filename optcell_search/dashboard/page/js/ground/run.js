/* What Optuna's states are called on the page. */
const STATES = { COMPLETE: "complete", PRUNED: "stopped early", FAIL: "failed", RUNNING: "running", WAITING: "waiting" };

/* One run: columns of values by trial, and what was worked out from them. */

class Run {
  constructor(content) {
    this.index = new Map();
    // Made once for each trial: what it says when pointed at, and the words it is found by.
    this.hovers = new Map();
    this.texts = new Map();
    this.values = {};
    this.ranked = new Set();
    this.curves = new Map();
    this.impulses = new Map();
    this.gradients = new Map();
    this.curveMetrics = [];
    this.curveLabels = {};
    this.curvesTotal = 0;
    // Worked out after the rows have been shown.
    this.equations = { rule: {}, cell: {} };
    this.growth = null;
    this.responses = [];
    this.importances = null;
    this.standings = null;
    this.merge(content);
  }

  /* Take in what is new; rows that are known already are replaced. */
  merge(content) {
    const { rows, ranked, curves, impulses, gradients, ...facts } = content;
    Object.assign(this, facts);
    this.column = new Map(this.columns.map((column) => [column.name, column]));
    const fresh = rows.number || [];
    for (const column of this.columns) {
      const values = (this.values[column.name] ||= new Array(this.index.size).fill(null));
      const mine = rows[column.name];
      fresh.forEach((trial, i) => {
        if (!this.index.has(trial)) this.index.set(trial, this.index.size);
        values[this.index.get(trial)] = mine[i];
      });
    }
    for (const trial of fresh) {
      this.hovers.delete(trial);
      this.texts.delete(trial);
    }
    this.trials = [...this.index.keys()].sort((a, b) => a - b);
    for (const trial of ranked) this.ranked.add(trial);
    for (const values of Object.values(this.values)) {
      while (values.length < this.index.size) values.push(null);
    }
    this.onFront = new Set(this.front);
    this.broken = new Set(this.infeasible);
    if (curves) this.addCurves(curves);
    this.addCells({ impulses, gradients });
  }

  addCells({ impulses, gradients }) {
    for (const [trial, curve] of Object.entries(impulses || {})) this.impulses.set(Number(trial), curve);
    for (const [trial, curve] of Object.entries(gradients || {})) this.gradients.set(Number(trial), curve);
  }

  addCurves(curves) {
    this.curveMetrics = [...new Set([...this.curveMetrics, ...curves.metrics])];
    curves.metrics.forEach((metric, i) => (this.curveLabels[metric] = curves.labels[i]));
    curves.numbers.forEach((trial, i) => {
      const values = Object.fromEntries(curves.metrics.map((metric) => [metric, curves.values[metric][i]]));
      this.curves.set(trial, { epochs: curves.epochs[i], values });
    });
    this.curvesTotal = curves.total;
  }

  get first() {
    return Object.keys(this.objectives)[0];
  }

  /* What answering without any input has in a metric; null where nothing is known of it. */
  without(metric, split = "search") {
    return this.no_input.find((one) => one.metric === metric)?.[split] ?? null;
  }

  get several() {
    return Object.keys(this.objectives).length > 1;
  }

  /* How many trials ended early although they fell behind nothing, as a sentence; empty: none. */
  get besides() {
    const early = this.trials.filter((trial) => this.value(trial, "state") === "PRUNED" && this.value(trial, "reason"));
    return early.length ? ` ${count(early.length, "trial")} ended early with the search or by hand, and ${early.length === 1 ? "is" : "are"} not counted.` : "";
  }

  value(trial, name) {
    const at = this.index.get(trial);
    return at === undefined || !this.values[name] ? null : this.values[name][at];
  }

  label(name) {
    const axis = this.axes.find((one) => one.name === name);
    return axis ? axis.label : this.column.has(name) ? this.column.get(name).label : name;
  }

  /* Columns of numbers, what was aimed at before the rest. */
  numeric() {
    const order = ["objective", "metric", "training", "model", "penalty", "rule", "cell", "trial"];
    return this.columns
      .filter((column) => column.kind === "number" && !["seed", "duplicate_of", "repeat"].includes(column.name))
      .sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group));
  }

  /* Hyperparameters of a trial's own rule or cell: name without section → value. */
  own(trial, kind) {
    const prefix = `${this.value(trial, kind)}.`;
    return this.section(trial, prefix);
  }

  section(trial, prefix) {
    const found = {};
    for (const column of this.columns) {
      if (!column.name.startsWith(prefix)) continue;
      const value = this.value(trial, column.name);
      if (value !== null) found[column.name.slice(prefix.length)] = value;
    }
    return found;
  }

  /* What a model was chosen to be: its size, and whatever not all trials have in common. */
  chosen(trial) {
    const size = ["hidden_size", "num_layers", "depth", "channels"];
    const told = Object.entries(this.section(trial, "model."));
    return Object.fromEntries(told.filter(([name]) => size.includes(name) || this.column.get(`model.${name}`).shown));
  }

  /* Colours for what is told apart by colour and is no rule: the rules' own, which all can see. */
  get tones() {
    return Object.values(this.styles).map(([tone]) => tone);
  }

  style(rule) {
    return this.styles[rule] || ["#808080", "circle"];
  }
}

const SYMBOLS = { mu: "μ", beta: "β", eps: "ε", restart: "F", hidden_size: "hidden", num_layers: "layers" };
const symbol = (name) => SYMBOLS[name] || name.replaceAll("_", " ");

function told(values, separator = " · ") {
  return Object.entries(values)
    .filter(([name, value]) => name !== "eps" && value !== 0 && value !== false)
    .map(([name, value]) => `${symbol(name)} ${number(value, 3)}`)
    .join(separator);
}

/* One fact a line, as the charts show it when a point is pointed at. */
function hover(run, trial) {
  if (!run.hovers.has(trial)) run.hovers.set(trial, hoverText(run, trial));
  return run.hovers.get(trial);
}

function hoverText(run, trial) {
  const rule = told(run.own(trial, "rule"));
  const lines = [
    `trial ${trial}`,
    `${run.value(trial, "cell")} × ${run.value(trial, "rule")}${rule ? ` (${rule})` : ""}`,
    [told(run.chosen(trial)), `lr ${number(run.value(trial, "training.lr"))}`].filter(Boolean).join(", "),
    ...Object.keys(run.objectives).map((name) => `${run.label(name)}: ${number(run.value(trial, name))}`),
  ];
  return lines.map(escaped).join("<br>");
}
