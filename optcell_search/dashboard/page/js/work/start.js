/* Where content comes from: what the file holds, or what the server tells. */

const PATIENCE = 1000;
/* Following takes at most this share of a processor, of the server's and the browser's together, and
   looks at least so often, in milliseconds: a search is worth more than looking at it. */
const SHARE = 0.08;
const MOST = 30_000;

function switchTo(at) {
  if (state.runs[at]) return show(at);
  return load(at);
}

/* The document itself asks for the first answers, so that they are under way while scripts load. */
async function get(path) {
  const early = window.optcellEarly?.[path];
  if (early) delete window.optcellEarly[path];
  const answer = await (early || fetch(path, { cache: "no-store" }));
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  state.spent += Number(/dur=([\d.]+)/.exec(answer.headers.get("Server-Timing"))?.[1] || 0);
  return answer.json();
}

async function load(at) {
  const content = await get(`content.json?run=${at}`);
  state.runs[at] = new Run(content);
  show(at);
  await painted();
  await addCurves(at, -1);
}

/* Until what is in sight has been drawn: neither the server nor the browser has time for more. */
const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));

async function addCurves(at, since) {
  const curves = await get(`curves.json?run=${at}&since=${since}`);
  state.runs[at].addCurves(curves);
  stale("training");
}

function stale(id) {
  views.find((one) => one.id === id).stale = "draw";
  schedule();
}

/* What is told from its start is another run, made in the place of the one that was looked at. */
function takeIn(at, content) {
  const run = state.runs[at];
  if (content.since < 0) {
    state.runs[at] = new Run(content);
    if (at === state.at) show(at);
    return;
  }
  run.merge(content);
  if (at !== state.at) return;
  if (state.picked === null) pick(defaultPick(run));
  changed("draw");
}

/* Ask for what is new; what changed is drawn into the charts as they stand. */
async function poll() {
  const at = state.at;
  const run = state.runs[at];
  if (!run || !state.follow || document.hidden) return;
  const posts = state.posts;
  const news = await get(`news.json?run=${at}&since=${run.version}`);
  // It may have been put together before what was said meanwhile: the next one has both.
  if (state.posts !== posts) return;
  if (news.content) {
    takeIn(at, news.content);
    await addCurves(at, news.content.since);
  }
  if (news.compare) {
    compareView.content = news.compare;
    stale("compare");
  }
}

/* That nothing is new costs next to nothing to say, and is asked for again soon; what was new has to
   be read, worked out and drawn, and then there is a pause in which that is paid off. */
async function keepPolling(asked = -Infinity) {
  const pause = Math.min(MOST, state.spent / SHARE);
  let last = asked;
  if (performance.now() - asked >= pause) {
    last = performance.now();
    state.spent = 0;
    try {
      await poll();
      document.body.classList.remove("lost");
    } catch (problem) {
      // The server may be restarted; the page says that it waits for it.
      document.body.classList.add("lost");
    }
    // The first time all is drawn, and the server loads what works out the rest: once.
    if (asked === -Infinity) state.spent = 0;
  }
  setTimeout(() => keepPolling(last), PATIENCE);
}

async function addCell(trial) {
  const run = current();
  if (!run || trial === null || run.impulses.has(trial)) return;
  await painted();
  const found = await get(`cell.json?run=${state.at}&trial=${trial}`);
  run.impulses.set(trial, null);
  run.gradients.set(trial, null);
  run.addCells(found);
  stale("cell");
}

/* A server that takes so long has many trials, which the graphics card will draw: what that needs
   is made ready meanwhile. In milliseconds. */
const LONG = 400;

function warmUp() {
  if (!webgl) return;
  const place = h("div", { style: "position:absolute;visibility:hidden;width:200px;height:200px" });
  document.body.append(place);
  Plotly.newPlot(place, [{ type: "scattergl", mode: "markers", x: [0, 1], y: [0, 1] }], { width: 200, height: 200 }, CONFIG).then(() => {
    Plotly.purge(place);
    place.remove();
  });
}

async function startLive() {
  state.live = true;
  document.addEventListener("optcell-pick", (event) => addCell(event.detail));
  const waiting = setTimeout(warmUp, LONG);
  const about = await get("about.json");
  clearTimeout(waiting);
  state.names = about.names;
  state.lost = about.lost;
  state.acts = about.acts;
  sayWhetherActs(about.acts);
  byId("steer").hidden = !about.acts;
  compareView.content = about.compare;
  await load(0);
  await begin();
  keepPolling();
}

function startFile(content) {
  state.names = content.names;
  state.lost = content.lost;
  state.runs = content.runs.map((run) => new Run(run));
  compareView.content = content.compare;
  show(0);
  begin();
}

/* What the address asks for comes after the first view, and is then kept up to date. */
function begin() {
  document.querySelector(".skip").addEventListener("click", goTo);
  if (location.hash.length > 1 && ownAddress) return applyAddress(location.hash.slice(1));
  applying = false;
  return undefined;
}

const content = byId("content");
if (content) startFile(JSON.parse(content.textContent));
else startLive();

return { state, choose, pick, current, asToml, asPython, asCsv, csv, views, steering, exportOffered, othersOffered, commandsOffered, listen };
