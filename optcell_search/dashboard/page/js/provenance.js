/* Where the numbers come from, how to get them again, and the test scores, kept apart. */

function drawProvenance(run) {
  const root = byId("provenance");
  const { facts, space, again, replay } = run.provenance;
  cleared(root);
  root.append(
    h("p", {}, "What was asked for, with everything resolved, and what it ran on."),
    h("dl", { class: "facts" }, Object.entries(facts).map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text)))),
    h("h3", {}, "Run it again"),
    h("p", {}, "Save the search space as space.toml, then start the same search:"),
    command(again),
    h("details", {}, h("summary", {}, "space.toml"), h("p", {}, copyButton(() => space)), h("pre", { id: "space", tabindex: "0" }, space)),
    h("p", {}, "Any trial can be trained again, alone, to the same numbers on the same machine:"),
    command(replay)
  );
}

function drawTested(run) {
  const root = byId("tested");
  cleared(root);
  if (!run.finals.length) {
    root.append(
      h("p", {}, "The test split is still sealed: no candidate has been finalized. Everything on this page is a validation score. To train the best ones again with fresh seeds and test them:"),
      command(run.provenance.finalize)
    );
    return;
  }
  const score = (found) => (found ? `${number(found.mean)} ± ${number(found.spread, 2)}` : "–");
  const row = (final, head, description, metric, prefix) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, head),
      h("td", {}, description),
      h("td", {}, metric),
      h("td", { class: "test" }, h("b", {}, score((final.scores[`${prefix}test`] || {})[metric]))),
      h("td", {}, score((final.scores[`${prefix}validation`] || {})[metric])),
      h("td", { class: "amount" }, number(final.seeds)),
      h("td", { class: "amount" }, number(final.epochs))
    );
  const rows = run.finals.flatMap((final) => {
    const trial = () => h("button", { type: "button", onclick: () => pick(final.number) }, String(final.number));
    const baseline = `for trial ${final.number}: feed-forward, as many parameters, all frames at once`;
    return [
      ...Object.keys(final.scores.test || {}).map((metric) => row(final, trial(), final.description, metric, "")),
      ...Object.keys(final.scores.baseline_test || {}).map((metric) => row(final, "baseline", baseline, metric, "baseline_")),
    ];
  });
  root.append(
    h(
      "p",
      {},
      "These candidates were trained again with other seeds, and only then was the test split read. Mean ± standard deviation over the seeds. The search itself saw validation scores alone, so only the test column says how well a cell does on data nobody chose it by."
    ),
    h(
      "div",
      { class: "wide", tabindex: "0", role: "region", "aria-label": "Test scores" },
      h(
        "table",
        {},
        h("thead", {}, h("tr", {}, ["trial", "candidate", "metric", "test", "validation", "seeds", "epochs"].map((name) => h("th", { scope: "col", class: name === "test" ? "test" : ["seeds", "epochs"].includes(name) ? "amount" : "" }, name)))),
        h("tbody", {}, rows)
      )
    )
  );
}

view("provenance", { draw: drawProvenance, follow: () => {} });
view("tested", { draw: drawTested, follow: () => {} });
