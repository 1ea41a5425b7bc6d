/* What is looked at: one run, one selection of its trials, one picked trial. */

const state = { live: false, acts: false, names: [], lost: [], runs: [], at: 0, chosen: null, from: "", picked: null, byHand: false, follow: true, posts: 0, spent: 0 };
const views = [];

const current = () => state.runs[state.at];

/* How long the page may draw before it lets the browser show what there is, in milliseconds. */
const FRAME = 12;
const CALM = 80;

/* A view draws when its data changed, and follows when the selection or the pick changed: those in
   sight first, then those just outside it; one that is far waits until it is scrolled to. */
function view(id, { draw, follow = draw, always = false }) {
  const made = { id, root: byId(id), draw, follow, stale: "draw", seen: always, near: always };
  if (always) views.unshift(made);
  else views.push(made);
  if (always) return;
  inSight.observe(made.root);
  inReach.observe(made.root);
}

const watcher = (what, margin) =>
  new IntersectionObserver(
    (entries) => {
      for (const entry of entries) views.find((one) => one.root === entry.target)[what] = entry.isIntersecting;
      schedule();
    },
    { rootMargin: margin }
  );
const inSight = watcher("seen", "0px");
const inReach = watcher("near", "200px");

let scheduled = false;

function schedule() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    refresh();
  });
}

const waiting = (where) => views.find((one) => one[where] && one.stale);

/* As many views in sight as fit into a frame, so that small ones do not wait for a frame each. What
   is out of sight waits until all is calm, a frame each: the next key or click comes before it. */
function refresh() {
  const run = current();
  if (!run) return;
  const until = performance.now() + FRAME;
  let next = waiting("seen");
  if (!next) bring(waiting("near"), run);
  while (next && performance.now() < until) {
    bring(next, run);
    next = waiting("seen");
  }
  if (next) schedule();
  else if (waiting("near")) setTimeout(schedule, CALM);
}

function bring(one, run) {
  if (!one) return;
  const what = one.stale;
  const began = performance.now();
  one.stale = "";
  one[what](run);
  one.root.classList.add("drawn");
  if (what === "draw") state.spent += performance.now() - began;
}

function changed(what, except = "") {
  for (const one of views) {
    if (one.id === except) continue;
    if (one.stale !== "draw") one.stale = what;
  }
  schedule();
  remember();
}

/* Choose trials: a set of their numbers, or null for none in particular. */
function choose(trials, from = "") {
  state.chosen = trials && trials.size ? trials : null;
  state.from = state.chosen ? from : "";
  if (from !== "table") unfiltered();
  withoutBoxes(state.from);
  changed("follow");
}

function pick(trial) {
  if (trial === null || trial === undefined) return;
  state.picked = trial;
  state.byHand = true;
  changed("follow");
  document.dispatchEvent(new CustomEvent("optcell-pick", { detail: trial }));
}

/* The pick to start with: the knee, else the best, else any trial. */
function defaultPick(run) {
  if (run.knee !== null && run.knee !== undefined) return run.knee;
  return run.front.length ? run.front[0] : null;
}

function show(at) {
  state.at = at;
  state.chosen = null;
  state.from = "";
  unfiltered();
  state.picked = defaultPick(current());
  state.byHand = false;
  changed("draw");
  document.dispatchEvent(new CustomEvent("optcell-pick", { detail: state.picked }));
}

const isChosen = (trial) => !state.chosen || state.chosen.has(trial);
