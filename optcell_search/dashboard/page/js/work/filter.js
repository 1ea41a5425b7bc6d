/* "adam gru accuracy > 0.9": words that a trial has to hold, and conditions on columns. */

/* The text of the filter; what is wrong with it, in words; whether no trial passes. */
const filterView = { text: "", problem: "", none: false };

const SIGN = /\s*(<=|>=|!=|<|>|=)\s*/g;

const spelled = (name) => name.toLowerCase().replaceAll(" ", "_");

function columnNamed(run, name) {
  return run.columns.find((one) => [one.name, one.label].some((known) => spelled(known) === spelled(name)));
}

/* Names of columns that may be meant: one that begins alike, or that a slip or two lead to. */
function alike(run, name) {
  const names = run.columns.map((one) => spelled(one.name));
  return names.filter((one) => (name.length > 2 && one.startsWith(name.slice(0, 3))) || slips(one, name) <= 2).slice(0, 5);
}

/* Letters to put in, take out or exchange to get from one word to the other (Levenshtein 1966). */
function slips(one, other) {
  let before = [...Array(other.length + 1).keys()];
  for (let i = 1; i <= one.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= other.length; j += 1) row.push(Math.min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1)));
    before = row;
  }
  return before.at(-1);
}

class FilterProblem extends Error {}

/* The parts of a filter: words apart by spaces; a condition may have spaces around its sign, and a
   column's name may have some in it, as long as it is one that the run has. */
function partsOf(run, text) {
  const joined = text.toLowerCase().trim().replace(SIGN, "$1");
  const words = joined.split(/\s+/).filter(Boolean);
  const parts = [];
  for (const word of words) {
    const found = /^(.*?)(<=|>=|!=|<|>|=)(.*)$/.exec(word);
    if (!found) {
      parts.push({ word });
      continue;
    }
    let [, name, sign, limit] = found;
    let column = columnNamed(run, name);
    // "validation loss < 0.2": the words before belong to the name.
    for (let back = 1; back <= parts.length && parts.at(-back).word; back += 1) {
      const longer = [...parts.slice(-back).map((part) => part.word), name].join(" ");
      const better = columnNamed(run, longer);
      if (!better) continue;
      column = better;
      parts.splice(-back);
      break;
    }
    if (!name && !column) throw new FilterProblem(`“${word}” has no column before its sign; write for example ${run.first} > 0.9.`);
    if (!limit) throw new FilterProblem(`“${word}” has nothing to compare with; write for example ${name} ${sign} 0.9.`);
    if (!column) {
      const close = alike(run, name);
      throw new FilterProblem(`There is no column “${name}”${close.length ? `; there is ${listed(close)}` : ""}.`);
    }
    parts.push({ column, sign, limit });
  }
  return parts;
}

function conditionOf(run, { column, sign, limit }) {
  // 12,000 is twelve thousand; 0,01 is left as it is, which is no number.
  const number = Number(/^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$/.test(limit) ? limit.replaceAll(",", "") : limit);
  if ((/[<>]/.test(sign) || column.kind === "number") && Number.isNaN(number)) throw new FilterProblem(`“${limit}” is no number, and ${column.label} ${sign} needs one, such as 0.01 or 12,000.`);
  if (/[<>]/.test(sign) && column.kind === "text") throw new FilterProblem(`${column.label} holds words, which have no order; use = or !=.`);
  return (trial) => {
    const value = run.value(trial, column.name);
    const said = [String(value), ...(column.name === "state" ? [STATES[value]] : [])].map((text) => text.toLowerCase());
    if (sign === "!=") return !said.includes(limit) && value !== number;
    if (value === null) return false;
    if (sign === "=") return said.includes(limit) || value === number;
    return { "<": value < number, ">": value > number, "<=": value <= number, ">=": value >= number }[sign];
  };
}

/* Whether a trial passes, as a function; throws a FilterProblem where the text is no filter. */
function matcher(run, text) {
  const tests = partsOf(run, text).map((part) => (part.column ? conditionOf(run, part) : (trial) => textOf(run, trial).includes(part.word)));
  return (trial) => tests.every((test) => test(trial));
}

function textOf(run, trial) {
  if (!run.texts.has(trial)) {
    const values = run.columns.filter((column) => column.kind === "text" && column.name !== "started").map((column) => run.value(trial, column.name));
    run.texts.set(trial, [trial, STATES[run.value(trial, "state")], ...values.filter((value) => value !== null)].join(" ").toLowerCase());
  }
  return run.texts.get(trial);
}

/* Filtering is selecting: what the words leave is what the other views show strong. What is wrong
   with a filter is said, and what was selected before stays. */
function filtered(text) {
  const run = current();
  Object.assign(filterView, { text, problem: "", none: false });
  if (!text.trim()) return choose(null, "table");
  try {
    const found = new Set(run.trials.filter(matcher(run, text)));
    filterView.none = !found.size;
    if (filterView.none) filterView.problem = "No trial passes this filter.";
    return choose(found, "table");
  } catch (problem) {
    if (!(problem instanceof FilterProblem)) throw problem;
    filterView.problem = problem.message;
    return changed("follow");
  }
}

const unfiltered = () => Object.assign(filterView, { text: "", problem: "", none: false });

inAddress("filter", () => filterView.text, (text) => (text ? filtered(text) : undefined));
