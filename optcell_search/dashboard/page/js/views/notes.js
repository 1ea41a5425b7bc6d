/* Notes and tags, on a trial or on the run: shown by every page, written by the live one. */

function remarkOf(run, trial) {
  if (trial === null) return { note: run.remark.note, tags: run.remark.tags };
  const tags = run.value(trial, "tags");
  return { note: run.value(trial, "note") || "", tags: tags ? tags.split(", ") : [] };
}

function remarkShown({ note, tags }) {
  if (!note && !tags.length) return null;
  return h("p", { class: "remark" }, tags.map((tag) => h("span", { class: "tag" }, tag)), tags.length && note ? " " : null, note);
}

/* What is said, and on the live page the means to say it. `trial` is null for the run. */
function remarkPart(run, trial) {
  const known = remarkOf(run, trial);
  if (!state.acts) return h("div", {}, remarkShown(known));
  const about = trial === null ? "this run" : `trial ${trial}`;
  const line = says();
  const note = h("textarea", { rows: 2, maxlength: 2000, "aria-label": `Note on ${about}`, placeholder: `Note on ${about}`, value: known.note });
  const tags = h("input", { type: "text", "aria-label": `Tags of ${about}, apart by commas`, placeholder: "tags, apart by commas", value: known.tags.join(", ") });
  const keep = () =>
    trying(line, async () => {
      const kept = await post("remark.json", { trial, note: note.value, tags: tags.value.split(",") });
      if (trial === null) run.remark = kept;
      note.value = kept.note;
      tags.value = kept.tags.join(", ");
      return "Kept in the ledger.";
    });
  const fields = h("div", { class: "write" }, note, h("p", { class: "tools" }, tags, h("button", { type: "button", onclick: keep }, "Keep"), line));
  return trial === null && !known.note && !known.tags.length ? h("details", {}, h("summary", {}, "Note on this run"), fields) : fields;
}

/* Not drawn anew while somebody writes into it. */
function putRemark(root, run, trial) {
  const key = `${run.name}:${trial}:${JSON.stringify(remarkOf(run, trial))}`;
  if (root.dataset.of === key || (root.contains(document.activeElement) && root.dataset.trial === String(trial))) return;
  root.dataset.of = key;
  root.dataset.trial = String(trial);
  root.replaceChildren(remarkPart(run, trial));
}
