/* What matters: bars of shares, one group of hyperparameters at a time. */

function importanceCard(run, group) {
  const title = group.group === "all" ? "All trials: what they share" : `Only ${group.group}${group.group.startsWith("with ") ? "" : ": its own"}`;
  const mark = group.group in run.styles && group.group in run.equations.rule ? swatch(run, group.group) : null;
  const tone = mark ? run.style(group.group)[0] : colour("--accent");
  return h(
    "article",
    {},
    h("h3", {}, mark, title, h("small", {}, ` ${count(group.trials, "trial")}`)),
    h(
      "dl",
      { class: "bars" },
      group.labels.map((label, i) => [
        h("dt", {}, label),
        h("dd", {}, h("span", { class: "track" }, h("span", { style: `width:${100 * group.shares[i]}%;background:${tone}` })), `${Math.round(100 * group.shares[i])} %`),
      ])
    )
  );
}

function drawImportance(run) {
  const root = byId("importance");
  if (!run.importances) return nothing(root, "Being worked out.");
  if (!run.importances.length) return nothing(root, run.ranked.size < 20 ? `What matters can be told from 20 ranked trials on; so far there ${run.ranked.size === 1 ? "is" : "are"} ${number(run.ranked.size)}.` : "The ranked trials differ in no hyperparameter that 20 of them have.");
  cleared(root);
  root.append(
    h(
      "p",
      {},
      `How much each hyperparameter decides over being among the best tenth in ${run.label(run.first)} (PED-ANOVA, shares of each group). ` +
        "A rule's or a cell's own hyperparameters are weighed among its own trials only, for no other trial has them; those that " +
        "exist only beside certain values of others once more, among the trials that have them, against what these share. " +
        "Shares do not say how much all of a group matter together."
    ),
    h("div", { class: "answers" }, run.importances.map((group) => importanceCard(run, group)))
  );
}

view("importance", { draw: drawImportance, follow: () => {} });
