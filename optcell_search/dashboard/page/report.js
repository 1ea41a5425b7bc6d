"use strict";
const content = JSON.parse(document.getElementById("content").textContent);

/* Charts: made in Python; the page gives them the colours of its text and lines. */
const dark = matchMedia("(prefers-color-scheme: dark)");

function themed(layout) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = { gridcolor: colour("--line"), linecolor: colour("--line"), tickcolor: colour("--line") };
  return {
    ...layout,
    // On a touch screen a finger on a chart scrolls the page.
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("--ink") },
    hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--ink") }, align: "left" },
    xaxis: { ...layout.xaxis, ...axis },
    yaxis: { ...layout.yaxis, ...axis },
  };
}

function inked(traces) {
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
  return traces.map((trace) => {
    if (!trace.meta || !trace.meta.ink) return trace;
    if (trace.line) return { ...trace, line: { ...trace.line, color: ink } };
    return { ...trace, marker: { ...trace.marker, color: ink, line: { ...trace.marker.line, color: ink } } };
  });
}

const charts = [...document.querySelectorAll(".figure")].map((element) => {
  return [element, content.figures[element.dataset.figure || element.id]];
});

function draw() {
  for (const [element, figure] of charts) {
    Plotly.react(element, inked(figure.data), themed(figure.layout), {
      responsive: true,
      displaylogo: false,
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    });
  }
}
draw();
dark.addEventListener("change", draw);

/* The table: sorted by its heads, filtered by words, a page of rows at a time. Text is only ever
   set as text. */
const PAGE = 25;
const { columns, rows } = content.table;
const table = document.getElementById("table");

if (table) {
  const body = table.tBodies[0];
  const more = document.getElementById("more");
  const filter = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const amount = columns.map((_, i) => rows.every((row) => row[i] === null || typeof row[i] === "number"));
  const haystacks = rows.map((row) => row.filter((value) => value !== null).join(" ").toLowerCase());
  let visible = rows;
  let limit = PAGE;
  let sorted = { column: 0, ascending: true };

  const text = (value) => {
    if (value === null) return "";
    if (typeof value !== "number" || Number.isInteger(value)) return String(value);
    return String(Number(value.toPrecision(4)));
  };

  function compare(a, b) {
    const [x, y] = [a[sorted.column], b[sorted.column]];
    // What is missing stands last whichever way the rest is sorted.
    if (x === null || y === null) return (x === null) - (y === null);
    const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
    return sorted.ascending ? order : -order;
  }

  function show() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    visible = rows.filter((_, i) => words.every((word) => haystacks[i].includes(word))).sort(compare);
    body.replaceChildren(
      ...visible.slice(0, limit).map((row) => {
        const line = document.createElement("tr");
        row.forEach((value, i) => {
          const cell = line.insertCell();
          cell.textContent = text(value);
          cell.className = amount[i] ? "amount" : columns[i] === "reason" ? "words" : "";
        });
        return line;
      })
    );
    shown.textContent = `${Math.min(limit, visible.length)} of ${visible.length} shown`;
    more.hidden = visible.length <= limit;
    [...table.tHead.rows[0].cells].forEach((head, i) => {
      if (i === sorted.column) head.setAttribute("aria-sort", sorted.ascending ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
  }

  const heads = table.tHead.insertRow();
  columns.forEach((label, i) => {
    const head = document.createElement("th");
    const button = document.createElement("button");
    head.scope = "col";
    head.className = amount[i] ? "amount" : "";
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => {
      sorted = { column: i, ascending: sorted.column === i ? !sorted.ascending : true };
      show();
    });
    head.append(button);
    heads.append(head);
  });
  filter.addEventListener("input", () => {
    limit = PAGE;
    show();
  });
  more.addEventListener("click", () => {
    limit += 4 * PAGE;
    show();
  });
  document.getElementById("csv").addEventListener("click", () => {
    const quoted = (value) => {
      let field = value === null ? "" : String(value);
      // A spreadsheet would take such a text for a formula.
      if (typeof value === "string" && /^[=+\-@\t\r]/.test(field)) field = `'${field}`;
      return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
    };
    const lines = [columns, ...visible].map((row) => row.map(quoted).join(","));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
    link.download = "trials.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  show();
}
