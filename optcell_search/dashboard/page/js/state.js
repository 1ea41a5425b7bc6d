/* What is looked at: one run, one selection of its trials, one picked trial. */

const state = { live: false, names: [], runs: [], at: 0, chosen: null, from: "", picked: null, follow: true };
const views = [];

const current = () => state.runs[state.at];

/* A view draws when its data changed, and follows when the selection or the pick changed; one that
   is out of sight waits until it is looked at. */
function view(id, { draw, follow = draw, always = false }) {
  const made = { id, root: byId(id), draw, follow, stale: "draw", seen: always };
  if (always) views.unshift(made);
  else views.push(made);
  if (!always) watcher.observe(made.root);
}

const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const found = views.find((one) => one.root === entry.target);
      found.seen = entry.isIntersecting;
    }
    schedule();
  },
  { rootMargin: "200px" }
);

let scheduled = false;

function schedule() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    refresh();
  });
}

/* One view a frame: the first ones are there before the last ones are begun. */
function refresh() {
  const run = current();
  const next = run && views.find((one) => one.seen && one.stale);
  if (!next) return;
  const what = next.stale;
  next.stale = "";
  next[what](run);
  next.root.classList.add("drawn");
  schedule();
}

function changed(what, except = "") {
  for (const one of views) {
    if (one.id === except) continue;
    if (one.stale !== "draw") one.stale = what;
  }
  schedule();
}

/* Choose trials: a set of their numbers, or null for none in particular. */
function choose(trials, from = "") {
  state.chosen = trials && trials.size ? trials : null;
  state.from = state.chosen ? from : "";
  changed("follow");
}

function pick(trial) {
  if (trial === null || trial === undefined) return;
  state.picked = trial;
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
  state.picked = defaultPick(current());
  changed("draw");
  document.dispatchEvent(new CustomEvent("optcell-pick", { detail: state.picked }));
}

const isChosen = (trial) => !state.chosen || state.chosen.has(trial);
