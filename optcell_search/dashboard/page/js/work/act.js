/* What the page has the server do. What it may, the token in its address decides. */

/* Sends a request; gives the answer, or throws what is wrong with it in words. */
async function post(path, said) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ run: state.at, ...said }) });
  const found = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : {};
  if (!answer.ok) throw new Error(found.problem || `The dashboard refused it (${answer.status}).`);
  state.posts += 1;
  return found;
}

/* What the controls below the cell, which are Dash's, are about. */
function steering() {
  const run = current();
  if (!run) return null;
  const trial = state.picked;
  const its = trial === null ? null : run.value(trial, "state");
  return { run: state.at, folder: quotedForShell(run.where), trial, state: its, complete: its === "COMPLETE", atWork: run.at_work, table: run.provenance.table, settings: trial === null ? [] : settingsOf(run, trial) };
}

/* Dotted names of what a candidate has, its rule's own first. */
function settingsOf(run, trial) {
  const rule = run.value(trial, "rule");
  if (rule === null) return [];
  const names = (section) => Object.keys(run.section(trial, `${section}.`)).map((name) => `${section}.${name}`);
  return [rule, run.value(trial, "cell"), "training", "model"].flatMap(names);
}

const quotedForShell = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/* A line that says how it went, and no longer than until the next one. */
const says = () => h("span", { role: "status", class: "note" });

async function trying(line, task) {
  line.textContent = "…";
  try {
    line.textContent = (await task()) || "Kept.";
  } catch (problem) {
    line.textContent = problem.message;
  }
}
