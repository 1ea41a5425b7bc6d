/* Where the numbers come from, and how to get them again. */

function drawProvenance(run) {
  const root = byId("provenance");
  const { facts, space, again, first, replay, table } = run.provenance;
  cleared(root);
  root.append(
    h("p", {}, "What was asked for, with everything resolved, and what it ran on."),
    h("dl", { class: "facts" }, Object.entries(facts).map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text)))),
    h("h3", {}, "Run it again"),
    h("p", {}, table ? "The same search on the same table, named or by its file:" : `Save the search space as space.toml${first ? " and what it tried first as first.toml" : ""}, then start the same search:`),
    command(again),
    h("details", {}, h("summary", {}, "space.toml"), h("p", {}, copyButton(() => space)), h("pre", { id: "space", tabindex: "0" }, space)),
    ...(first ? [h("details", {}, h("summary", {}, "first.toml"), h("p", {}, copyButton(() => first)), h("pre", { id: "tried-first", tabindex: "0" }, first))] : []),
    ...(table ? [] : [h("p", {}, "Any trial can be trained again, alone, to the same numbers on the same machine:"), command(replay)])
  );
}

view("provenance", { draw: drawProvenance, follow: () => {} });
