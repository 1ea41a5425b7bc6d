/* Test sequences on which a finalized candidate is most clearly wrong, each as a small picture. */

const SKETCH = { width: 220, height: 90, edge: 4 };

/* Lines of all features on one scale: what differs between them is part of the sequence. */
function sketchOf({ values }, tones) {
  const every = values.flat();
  const [low, high] = [Math.min(...every), Math.max(...every)];
  const { width, height, edge } = SKETCH;
  const x = (i, amount) => edge + ((width - 2 * edge) * i) / Math.max(1, amount - 1);
  const y = (value) => (high > low ? height - edge - ((height - 2 * edge) * (value - low)) / (high - low) : height / 2);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "sketch", "aria-hidden": "true" });
  values.forEach((line, feature) => {
    const points = line.map((value, i) => `${x(i, line.length).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    picture.append(svg("polyline", { points, fill: "none", stroke: tones[feature % tones.length], "stroke-width": 1.5 }));
  });
  return picture;
}

/* Shares that are all but 0 or 1 are told as such. */
const chance = (value) => (value < 0.001 ? "under 0.1 %" : value > 0.999 ? "over 99.9 %" : `${number(100 * value, 3)} %`);

function worstPart(run, { number: trial, worst }) {
  if (!worst.length) return null;
  const tones = run.tones;
  const told = (one) =>
    h(
      "figure",
      {},
      one.values.length ? sketchOf(one, tones) : null,
      h("figcaption", {}, `Test sequence ${one.index}: `, h("b", {}, one.true), " taken for ", h("b", {}, one.predicted), `, which it was ${chance(one.probability)} sure of; the truth had ${chance(one.true_probability)}.`)
    );
  const rows = () => [["sequence", "true", "predicted", "probability", "probability of the truth"], ...worst.map((one) => [one.index, one.true, one.predicted, number(one.probability), number(one.true_probability)].map(String))];
  const lines = Math.max(...worst.map((one) => one.values.length));
  const features = lines > 1 ? ` Each line is one of its ${lines} features.` : "";
  return h(
    "div",
    {},
    h("div", { class: "about" }, h("div", {}, h("h3", {}, `The clearest mistakes, trial ${trial}`), h("p", { class: "says" }, `Sequences of the test split of which one seed, the best on the validation part if there is one, thought the truth the least likely; the worst first.${features}`)), saveTable(`worst of trial ${trial}`, rows)),
    h("div", { class: "sketches" }, worst.map(told))
  );
}
