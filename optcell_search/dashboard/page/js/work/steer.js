/* What the controls of the live page offer for the trial that is picked, and the commands that they
   are, as one would type them; the server makes its own from the same values. */

const isOpen = (picked) => Boolean(picked) && picked.trial !== null && ["RUNNING", "WAITING"].includes(picked.state);
const isRunning = (picked) => Boolean(picked) && picked.state === "RUNNING";

/* The button's words, the name of the package, and whether the button is off. */
function exportOffered(picked) {
  if (picked?.table) return ["Simulated: there are no weights", "", true];
  if (!picked || picked.trial === null) return ["No trial is picked", "", true];
  if (!picked.complete) return [`Trial ${picked.trial} is not complete`, "", true];
  return [`Export trial ${picked.trial}`, `trial_${picked.trial}`, false];
}

/* Settings to choose from, the one that is chosen, and whether there are none; then the words of two
   buttons, each with whether it is off; whether there is nothing to pause; the words of resuming. */
function othersOffered(picked, known) {
  const names = picked?.settings || [];
  const options = names.map((name) => ({ namespace: "dash_html_components", type: "Option", props: { value: name } }));
  return [
    options,
    names.includes(known) ? window.dash_clientside.no_update : names[0] || "",
    !names.length,
    isRunning(picked) ? `Prune trial ${picked.trial}` : "Prune: pick a running trial",
    !isRunning(picked),
    isOpen(picked) ? `Skip trial ${picked.trial}` : "Skip: pick a trial without a result",
    !isOpen(picked) || picked.atWork,
    !picked?.atWork,
    picked?.atWork ? "Extend the search" : "Resume the search",
  ];
}

function commandsOffered(picked, name, top, seeds, trials, time, setting, value) {
  if (!picked || picked.table) return ["", "", "", "", ""];
  const command = (verb, ...words) => ["optcell-search", verb, picked.folder, ...words.filter(Boolean)].join(" ");
  const option = (of, given) => (given ? quotedForShell(`--${of}=${given}`) : "");
  const early = [
    ...(isRunning(picked) ? [command("prune", String(picked.trial))] : []),
    ...(isOpen(picked) && !picked.atWork ? [command("resume", option("skip", String(picked.trial)))] : []),
  ];
  return [
    picked.complete ? command("export", "--trial", String(picked.trial), "--out", `${picked.folder}/exports/${name || ""}`) : "",
    command("finalize", "--top", top, "--seeds", seeds),
    command(picked.atWork ? "extend" : "resume", option("trials", trials), option("time", time)),
    early.join("\n"),
    picked.settings.length && setting && value ? command("enqueue", String(picked.trial), quotedForShell(`${setting}=${value.trim()}`)) : "",
  ];
}

/* What the commands say, asked for until none is at work. Each question waits for the answer to the
   one before it, however long a machine that is busy with a search takes; of several who listen only
   the last goes on, so that no answer of before comes after one of now. */
const LISTEN = 700;
let listeners = 0;
/* Whether this page may have something done, once the server has said so. */
let sayWhetherActs;
const acts = new Promise((said) => (sayWhetherActs = said));

async function listen() {
  const mine = ++listeners;
  while (await acts) {
    const answer = await fetch("work.json", { cache: "no-store" }).catch(() => null);
    if (answer && !answer.ok) return;
    const told = answer && (await answer.json().catch(() => null));
    if (mine !== listeners) return;
    if (told) window.dash_clientside.set_props("says", { children: told.words, "data-state": told.state });
    if (told && !told.waits) return;
    await new Promise((done) => setTimeout(done, LISTEN));
  }
}
