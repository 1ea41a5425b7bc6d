/* A candidate as text to paste: a search space of one candidate in TOML, or Python. */

function candidateOf(run, trial) {
  const candidate = {
    cell: { name: run.value(trial, "cell"), ...run.own(trial, "cell") },
    rule: { name: run.value(trial, "rule"), ...run.own(trial, "rule") },
    model: run.section(trial, "model."),
    training: run.section(trial, "training."),
  };
  const penalties = penaltiesOf(run, trial);
  return Object.keys(penalties).length ? { ...candidate, penalty: penalties } : candidate;
}

/* Further terms of the loss: name → its options. */
function penaltiesOf(run, trial) {
  const names = run.columns.filter((column) => column.group === "penalty").map((column) => column.name.split(".")[0]);
  const found = [...new Set(names)].map((name) => [name, run.section(trial, `${name}.`)]);
  return Object.fromEntries(found.filter(([, options]) => Object.keys(options).length));
}

/* TOML's basic strings are JSON's, but for the escapes of what JSON leaves as it is. */
const quoted = (text) => JSON.stringify(text).replaceAll("\u007f", "\\u007f");
const literal = (value) => (typeof value === "string" ? quoted(value) : String(value));
const bare = (name) => (/^[\w-]+$/.test(name) ? name : quoted(name));

function asToml(run, trial) {
  const { cell, rule, model, training, penalty } = candidateOf(run, trial);
  const table = (title, values) => {
    const lines = Object.entries(values).filter(([name]) => name !== "name");
    return lines.length ? ["", `[${title}]`, ...lines.map(([name, value]) => `${bare(name)} = ${literal(value)}`)] : [];
  };
  return [
    `description = ${quoted(`Trial ${trial} of ${run.name}`)}`,
    `cells = [${quoted(cell.name)}]`,
    `rules = [${quoted(rule.name)}]`,
    ...table(`cell.${bare(cell.name)}`, cell),
    ...table(`rule.${bare(rule.name)}`, rule),
    ...table("model", model),
    ...table("training", training),
    ...Object.entries(penalty || {}).flatMap(([name, options]) => table(`penalty.${bare(name)}`, options)),
    "",
  ].join("\n");
}

function asPython(run, trial) {
  const plain = (value) => {
    if (typeof value === "object") return table(value);
    if (value === true) return "True";
    if (value === false) return "False";
    return literal(value);
  };
  const table = (values) => `{${Object.entries(values).map(([name, value]) => `${quoted(name)}: ${plain(value)}`).join(", ")}}`;
  const parts = Object.entries(candidateOf(run, trial)).map(([name, values]) => `        ${quoted(name)}: ${table(values)},`);
  return [
    "from optcell_search.space import Candidate",
    "",
    `# Trial ${trial} of ${run.name.replaceAll("\n", " ")}`,
    "candidate = Candidate.from_dict(",
    "    {",
    ...parts,
    "    }",
    ")",
    `model = candidate.build(${quoted(run.task)})`,
    "",
  ].join("\n");
}
