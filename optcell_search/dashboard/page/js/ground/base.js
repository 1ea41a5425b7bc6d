/* Elements, numbers and words. Text from a run only ever becomes a text node. */

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") element.style.cssText = value;
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const byId = (id) => document.getElementById(id);

/* Plotly reads some HTML in its labels. */
const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/* Made once: a number's own `toLocaleString` makes one each time, which takes longer than to draw it. */
const grouped = new Intl.NumberFormat("en-US");

function number(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return grouped.format(Math.round(value));
  return String(Number(value.toPrecision(digits)));
}

/* A mean with its standard deviation; a single value has none. */
const withDeviation = (mean, deviation) => (deviation === null ? number(mean) : `${number(mean)} ± ${number(deviation, 2)}`);

const count = (amount, noun) => `${number(amount)} ${noun}${amount === 1 ? "" : "s"}`;

const listed = (parts) => (parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}` : parts[0] || "");

function duration(seconds) {
  if (seconds < 120) return `${number(seconds, 3)} s`;
  if (seconds < 7200) return `${number(seconds / 60, 3)} min`;
  return `${number(seconds / 3600, 3)} h`;
}

function select(label, options, value, change) {
  const box = h("select", { onchange: (event) => change(event.target.value) });
  for (const [key, text] of options) box.append(h("option", { value: key }, text));
  box.value = value;
  return h("label", { class: "choice" }, `${label} `, box);
}

const check = (label, value, change) =>
  h("label", { class: "choice" }, h("input", { type: "checkbox", checked: value, onchange: (event) => change(event.target.checked) }), ` ${label}`);

function command(text) {
  const code = h("code", { tabindex: "0" }, text);
  return h("p", { class: "command" }, code, copyButton(() => text));
}

function copyButton(text, label = "Copy") {
  const button = h("button", { type: "button" }, label);
  button.addEventListener("click", async () => {
    await copied(text());
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = label), 1500);
  });
  return button;
}

/* The clipboard's own interface is not there on pages from other machines without encryption. */
async function copied(text) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      return await navigator.clipboard.writeText(text);
    } catch (refusal) {
      if (refusal.name !== "NotAllowedError") throw refusal;
    }
  }
  const area = h("textarea", { class: "aside", value: text });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function download(name, text, type) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}
