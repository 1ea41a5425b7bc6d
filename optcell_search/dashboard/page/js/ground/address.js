/* What is looked at stands in the page's address, behind the #, so that reload, share and back work.
   Each part of the page says what of it belongs there; what is as it comes is left out. */

const places = [];
/* A part of what is looked at: `get` gives a text, "" where nothing was changed, `set` takes one. */
const inAddress = (key, get, set) => places.push({ key, get, set });

const SETTLED = 200;
/* Until the address that the page was opened with has been looked at, none is written over it. */
let applying = true;
let settling = 0;

/* Inside another page (a notebook) the address is not the page's own. */
const ownAddress = ["http:", "https:", "file:"].includes(location.protocol) && window.top === window;

function addressNow() {
  const found = new URLSearchParams();
  for (const { key, get } of places) {
    const text = get();
    if (text) found.set(key, text);
  }
  // Readable: what the fragment of an address may hold as it is stays as it is.
  return found.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/").replaceAll("%7E", "~");
}

function remember() {
  if (applying || !ownAddress) return;
  clearTimeout(settling);
  settling = setTimeout(writeAddress, SETTLED);
}

function writeAddress() {
  if (applying || !current()) return;
  const now = addressNow();
  if (now === location.hash.slice(1)) return;
  // A section's bare name is where an old link led to.
  if (!now && !location.hash.includes("=")) return;
  history.pushState(null, "", now ? `#${now}` : location.pathname + location.search);
}

/* Look at what an address says. */
async function applyAddress(text) {
  if (text && !text.includes("=")) {
    applying = false;
    return byId(text)?.scrollIntoView();
  }
  const found = new URLSearchParams(text);
  applying = true;
  try {
    for (const { key, set } of places) await set(found.get(key) || "");
  } finally {
    applying = false;
  }
  changed("draw");
  return undefined;
}

window.addEventListener("popstate", () => {
  clearTimeout(settling);
  if (current()) applyAddress(location.hash.slice(1));
});

/* Numbers of trials in short: 0-5,9. */
function inRanges(trials) {
  const sorted = [...trials].sort((a, b) => a - b);
  const parts = [];
  for (let i = 0; i < sorted.length; i += 1) {
    const first = sorted[i];
    while (sorted[i + 1] === sorted[i] + 1) i += 1;
    parts.push(first === sorted[i] ? `${first}` : `${first}-${sorted[i]}`);
  }
  return parts.join(",");
}

/* Of those, the trials that there are. */
function fromRanges(text, known) {
  const found = new Set();
  for (const part of text.split(",")) {
    const [first, last = first] = part.split("-").map(Number);
    if (!(last >= first)) continue;
    for (const trial of known) if (trial >= first && trial <= last) found.add(trial);
  }
  return found;
}

inAddress("run", () => (state.at ? String(state.at) : ""), (text) => {
  const at = Number(text) || 0;
  return at !== state.at && at < state.names.length ? switchTo(at) : show(state.at);
});
inAddress("pick", () => (state.byHand && state.picked !== null ? String(state.picked) : ""), (text) => {
  if (text && current().index.has(Number(text))) pick(Number(text));
});
inAddress("chosen", () => (state.chosen && state.from !== "table" ? inRanges(state.chosen) : ""), (text) => {
  if (text) choose(fromRanges(text, current().index.keys()), "address");
});
