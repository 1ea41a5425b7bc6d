/* Charts and tables that leave the page: files of this machine, nothing is sent anywhere. */

/* Twelve centimetres of a column, at three dots a point for what is made of dots. */
const PRINT = { width: 720, height: 440, scale: 3 };
const CHART_FILES = [["svg", "SVG"], ["png", "PNG"], ["csv", "CSV (its data)"]];
const TABLE_FILES = [["csv", "CSV"], ["tex", "LaTeX"], ["md", "Markdown"]];

/* A choice that does something and then is as it was. */
function saveAs(label, kinds, save) {
  const box = h("select", { class: "save", "aria-label": label, onchange: () => {
    const { value } = box;
    box.value = "";
    if (value) save(value);
  } });
  for (const [kind, text] of [["", "Save as …"], ...kinds]) box.append(h("option", { value: kind }, text));
  box.value = "";
  return box;
}

const saveChart = (chart) => saveAs("Save this chart", CHART_FILES, (kind) => saveChartAs(chart, kind));

async function saveChartAs(chart, kind) {
  const name = chart.id.replace(/-chart$/, "");
  if (kind === "csv") return download(`${name}.csv`, asCsv(dataOf(chart)), "text/csv");
  const picture = await Plotly.toImage(forPaper(chart), { format: kind, ...PRINT, ...(kind === "svg" ? { scale: 1 } : {}) });
  return downloadUrl(`${name}.${kind}`, picture);
}

function downloadUrl(name, url) {
  h("a", { href: url, download: name }).click();
}

/* A chart as it stands, in the colours of the light page on white. */
function forPaper(chart) {
  const { data, layout } = chart;
  const text = JSON.stringify({ data, layout });
  const found = JSON.parse(lightOf(text));
  return { data: found.data, layout: { ...found.layout, width: undefined, height: undefined, autosize: true, paper_bgcolor: "#ffffff", plot_bgcolor: "#ffffff" } };
}

/* The page's own colours, dark exchanged for light. */
function lightOf(text) {
  if (!dark.matches || onPaper) return text;
  const root = document.documentElement;
  const shades = (names) => names.map((name) => colour(name));
  const names = ["--page", "--card", "--ink", "--quiet", "--line", "--accent", "--test"];
  const before = shades(names);
  root.dataset.paper = "yes";
  const after = shades(names);
  delete root.dataset.paper;
  return before.reduce((found, shade, i) => found.replaceAll(shade, after[i]), text);
}

/* What a chart is drawn from, as rows under heads: one for each point. */
function dataOf(chart) {
  const title = (axis, fallback) => plainText(chart.layout[axis]?.title?.text) || fallback;
  const rows = chart.data.filter((trace) => trace.hoverinfo !== "skip" || trace.type === "contour").flatMap((trace) => pointsOf(trace));
  const deep = chart.layout.scene;
  const known = {
    x: deep ? plainText(deep.xaxis.title.text) : title("xaxis", "x"),
    y: deep ? plainText(deep.yaxis.title.text) : title("yaxis", "y"),
    z: deep ? plainText(deep.zaxis.title.text) : "value",
  };
  const heads = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return [heads.map((name) => known[name] || name), ...rows.map((row) => heads.map((name) => row[name] ?? null))];
}

const plainText = (text) => (text || "").replaceAll("<br>", " ").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

function pointsOf(trace) {
  const series = trace.name || trace.legendgroup ? { series: plainText(trace.name || trace.legendgroup) } : {};
  if (trace.dimensions) {
    const amount = trace.dimensions[0].values.length;
    const place = (i) => Object.fromEntries(trace.dimensions.map((axis) => [plainText(axis.label), axis.values[i]]));
    return Array.from({ length: amount }, (_, i) => ({ ...series, ...trialOf(trace, i), ...place(i) }));
  }
  if (Array.isArray(trace.z?.[0])) {
    return trace.z.flatMap((row, r) => row.flatMap((value, c) => (value === null ? [] : [{ ...series, x: trace.x[c], y: trace.y[r], z: value, ...trialOf({ customdata: trace.customdata?.[r] }, c) }])));
  }
  return [...(trace.x || [])].flatMap((x, i) => {
    if (x === null) return [];
    const errors = ["x", "y"].filter((axis) => trace[`error_${axis}`]?.array).map((axis) => [`${axis} ±`, trace[`error_${axis}`].array[i]]);
    return [{ ...series, ...trialOf(trace, i), x, y: trace.y[i], ...(trace.z ? { z: trace.z[i] } : {}), ...Object.fromEntries(errors) }];
  });
}

const trialOf = (trace, i) => (typeof trace.customdata?.[i] === "number" ? { trial: trace.customdata[i] } : {});

/* Rows of values as comma-separated values (RFC 4180). */
function asCsv(rows) {
  const field = (value) => {
    let text = value === null || value === undefined ? "" : String(value);
    // A spreadsheet would take such a text for a formula; a negative score with its spread is none.
    const score = /^-\d[\d.e\s±(),to+−–-]*$/.test(text);
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) && !score) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(field).join(",") + "\r\n").join("");
}

const TEX = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "±": "$\\pm$", "–": "--", "×": "$\\times$", "→": "$\\to$", μ: "$\\mu$", β: "$\\beta$", ε: "$\\varepsilon$", "²": "$^2$" };
const inTex = (text) => text.replace(/[\\~^±–×→μβε²]|[&%$#_{}]/g, (sign) => TEX[sign] || `\\${sign}`);

const isAmount = (text) => /^[-–]?[\d.,]/.test(text);

function asTex([heads, ...rows]) {
  const right = heads.map((_, i) => rows.length > 0 && rows.every((row) => !row[i] || isAmount(row[i])));
  const line = (row) => `${row.map((text) => inTex(String(text))).join(" & ")} \\\\`;
  return ["% \\usepackage{booktabs}", `\\begin{tabular}{${right.map((is) => (is ? "r" : "l")).join("")}}`, "\\toprule", line(heads), "\\midrule", ...rows.map(line), "\\bottomrule", "\\end{tabular}", ""].join("\n");
}

function asMarkdown([heads, ...rows]) {
  const cell = (text) => String(text).replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ");
  const line = (row) => `| ${row.map(cell).join(" | ")} |`;
  return [line(heads), `|${heads.map((_, i) => (rows.length && rows.every((row) => isAmount(String(row[i]))) ? "---:" : "---")).join("|")}|`, ...rows.map(line), ""].join("\n");
}

/* The table's rows as they are shown. */
const rowsOf = (table) => [...table.rows].map((row) => [...row.cells].map((cell) => cell.innerText.replace(/\s+/g, " ").trim()));

/* `rows`: heads, then rows of texts, as people read them; `full`: the CSV where it holds more. */
function saveTable(name, rows, full = () => asCsv(rows())) {
  const kinds = { csv: [full, "text/csv"], tex: [() => asTex(rows()), "application/x-tex"], md: [() => asMarkdown(rows()), "text/markdown"] };
  return saveAs(`Save the table of ${name}`, TABLE_FILES, (kind) => {
    const [make, type] = kinds[kind];
    download(`${name.replaceAll(" ", "_")}.${kind}`, make(), type);
  });
}
