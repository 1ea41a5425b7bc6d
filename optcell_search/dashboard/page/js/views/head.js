/* The run in a few numbers, its winners, and the bar that says what is selected. */

const SECTIONS = [
  ["front", "Front"], ["pairs", "Charts"], ["standings", "Rules compared"], ["rules", "What each wants"], ["cell", "Cell"], ...(byId("steer") ? [["steer", "Have it done"]] : []), ["training", "Training"],
  ["tested", "Test scores"], ["trials", "Trials"], ["provenance", "Provenance"],
];

function tiles(run) {
  const { counts, hypervolume } = run.overview;
  const shown = Object.entries(counts).map(([name, amount]) => [STATES[name], number(amount)]);
  if (run.front.length) shown.push(["on the front", number(run.front.length)]);
  if (hypervolume !== null && run.several) shown.push(["hypervolume", `${Math.round(100 * hypervolume)} %`]);
  return h("dl", { class: "tiles" }, shown.map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text))));
}

/* How far the search is, while there is something to come or something is in training. */
function progressPart(run) {
  const { done, asked, spent, limit, left, ended, working } = run.progress;
  const open = working.length || run.overview.counts.WAITING || (asked && done < asked) || (limit && spent < limit);
  if (ended) return h("p", { class: "note", id: "progress" }, `The search has ended: ${ended}.`);
  if (!open) return "";
  const shares = [...(asked ? [done / asked] : []), ...(limit ? [spent / limit] : [])];
  const times = [...(spent ? [`${duration(spent)}${limit ? ` of ${duration(limit)}` : ""} spent`] : []), ...(left === null ? [] : [`about ${duration(left)} left`])];
  const words = [asked ? `${number(done)} of ${count(asked, "trial")} done` : `${count(done, "trial")} done`, ...times].join(", ");
  const atRest = state.live && run.at_work === false;
  const what = (one) => `${one.worker || "A worker"}: trial ${one.number}, epoch ${number(one.epoch)} of ${number(one.epochs)}`;
  return h(
    "div",
    { id: "progress" },
    h("p", {}, shares.length ? h("progress", { max: 1, value: Math.min(1, Math.max(...shares)), "aria-label": "How far the search is" }) : null, ` ${words}.${working.length || atRest ? "" : " Nothing is in training."}`, !atRest ? null : run.provenance.table ? " It is not running." : [" It is not running; ", h("code", {}, `optcell-search resume ${quotedForShell(run.where)}`), " goes on."]),
    working.length ? h("ul", { class: "working" }, working.map((one) => h("li", {}, what(one)))) : null
  );
}

/* A score says little until one knows what can be had for nothing. */
function withoutAny(run) {
  const known = Object.keys(run.objectives).flatMap((metric) => run.no_input.filter((one) => one.metric === metric));
  const parts = [["search", "validation"], ["test", "test"]].map(([split, name]) => {
    const scores = known.filter((one) => one[split] !== null).map((one) => `${one.label} ${number(one[split])}`);
    return scores.length ? `${scores.join(", ")} (${name})` : "";
  }).filter(Boolean);
  return parts.length ? h("p", { class: "gain", id: "without" }, `What needs no input – ${NO_INPUT} – has ${parts.join(" and ")}.`) : "";
}

function picks(run) {
  return h(
    "div",
    { class: "picks", role: "group", "aria-label": "Winners" },
    run.overview.picks.map((one) =>
      h(
        "button",
        { type: "button", class: "pick", style: `--rule: ${run.style(one.rule)[0]}`, "data-trial": one.number, "aria-pressed": String(one.number === state.picked), onclick: () => pick(one.number) },
        h("span", { class: "role" }, one.role),
        h("span", { class: "score" }, Object.entries(one.values).map(([name, value]) => h("span", {}, number(value), h("small", {}, ` ${name.replaceAll("_", " ")}`)))),
        h("span", { class: "what" }, swatch(run, one.rule), one.description)
      )
    )
  );
}

function drawHead(run) {
  // Somebody writes here: what is new can wait.
  if (byId("head").contains(document.activeElement) && /^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName) && byId("head").dataset.run === run.name) return;
  byId("head").dataset.run = run.name;
  document.title = `${run.title} · ${run.name}`;
  const chooser =
    state.names.length > 1
      ? select("Run", state.names.map((name, i) => [String(i), name]), String(state.at), (value) => switchTo(Number(value)))
      : null;
  byId("head").replaceChildren(
    h("p", { class: "eyebrow" }, "optcell-search · ", run.name, chooser ? " · " : null, chooser),
    ...state.lost.map((why) => h("p", { class: "message", role: "status" }, why)),
    h("h1", {}, `Which cell for ${run.title}?`),
    h("p", { class: "lead" }, run.description),
    tiles(run),
    progressPart(run),
    run.gain ? h("p", { class: `gain ${run.gain.seen ? "seen" : ""}` }, run.gain.sentence) : "",
    run.warm_start ? h("p", { class: `gain ${run.warm_start.told ? "seen" : ""}`, id: "warm-start" }, run.warm_start.sentence) : "",
    withoutAny(run),
    h("div", { id: "run-note" }),
    run.overview.message ? h("p", { class: "message", role: "status" }, run.overview.message) : "",
    run.index.size < run.total ? h("p", { class: "note" }, `Of ${number(run.total)} trials the page holds the front, the best and an even sample, ${number(run.index.size)} in all; sums and shares are over all of them.`) : "",
    h("nav", { "aria-label": "Sections" }, SECTIONS.map(([id, name]) => h("a", { href: `#${id}`, onclick: goTo }, name))),
    picks(run),
    namedViews(run)
  );
  putRemark(byId("run-note"), run, null);
}

/* To a section, without giving up what the address says. */
function goTo(event) {
  event.preventDefault();
  const section = byId(event.currentTarget.getAttribute("href").slice(1));
  section.scrollIntoView();
  section.setAttribute("tabindex", "-1");
  section.focus({ preventScroll: true });
}

function followHead(run) {
  for (const one of document.querySelectorAll("#head .pick")) one.setAttribute("aria-pressed", String(Number(one.dataset.trial) === state.picked));
}

/* Along the front, from one end to the other, by key or button. */
function step(by) {
  const { front } = current();
  if (!front.length) return;
  const at = front.indexOf(state.picked);
  pick(front[at < 0 ? 0 : (at + by + front.length) % front.length]);
}

function drawBar(run) {
  const text = state.chosen ? `${count(state.chosen.size, "trial")} selected` : filterView.problem || "Nothing selected";
  const rule = state.picked === null ? null : run.value(state.picked, "rule");
  const parts = [h("span", { id: "selected", role: "status" }, text)];
  if (state.chosen || filterView.text) parts.push(h("button", { type: "button", id: "clear", onclick: () => choose(null) }, "Clear"));
  if (state.picked !== null) {
    parts.push(
      h(
        "span",
        { class: "picked" },
        h("button", { type: "button", "aria-label": "Previous on the front", title: "Previous on the front", onclick: () => step(-1) }, "‹"),
        h("a", { href: "#cell", id: "picked", onclick: goTo }, swatch(run, rule), `Trial ${state.picked}: ${run.value(state.picked, "cell")} × ${rule}`),
        h("button", { type: "button", "aria-label": "Next on the front", title: "Next on the front", onclick: () => step(1) }, "›")
      )
    );
  }
  if (state.live) parts.push(h("label", { class: "choice follow" }, h("input", { type: "checkbox", checked: state.follow, onchange: (event) => (state.follow = event.target.checked) }), " follow the search"));
  const focused = document.activeElement && byId("bar").contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  byId("bar").replaceChildren(...parts);
  if (focused) byId("bar").querySelector(`[aria-label="${focused}"]`)?.focus();
}

view("head", { draw: drawHead, follow: followHead, always: true });
view("bar", { draw: drawBar, always: true });
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && (state.chosen || filterView.text)) choose(null);
});
