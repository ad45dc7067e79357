// Summarizes several events in tables above their cards: topics, rules, partitions and problems.

import { element, shortened } from "./element.js";

/** The maximum number of rows in a table. */
const MAX_ROWS = 12;

/** Formats a topic for display: null as `none`, "" as `(empty)`, other strings verbatim, anything else as JSON. */
export function topicName({ value }) {
  if (value === null) return "none";
  if (value === "") return "(empty)";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Returns how often each value occurs, with the most frequent value first. */
function counts(values) {
  const found = new Map();
  for (const value of values) found.set(value, (found.get(value) ?? 0) + 1);
  return [...found].sort(([one, ofOne], [other, ofOther]) => ofOther - ofOne || (`${one}` < `${other}` ? -1 : 1));
}

function table(caption, head, rows, of) {
  if (rows.length === 0) return null;
  const row = ([name, count]) => element(
    "tr",
    {},
    element("th", { scope: "row" }, ...shortened(`${name}`, (text) => [element("code", {}, text)], 80)),
    element("td", { class: "number" }, `${count}`),
    element("td", { class: "number soft" }, `${Math.round((count / of) * 100)}%`),
  );
  const more = rows.slice(MAX_ROWS).reduce((sum, [, count]) => sum + count, 0);
  const heads = [head, "events", "share"].map((text, index) => element("th", { scope: "col", class: index === 0 ? null : "number" }, text));
  return element(
    "table",
    {},
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...rows.slice(0, MAX_ROWS).map(row), more > 0 ? row([`${rows.length - MAX_ROWS} others`, more]) : null),
  );
}

/** Returns the tables for two or more events. */
export function overview(events, partitions) {
  const routed = events.filter((event) => event.topic && !event.rejection);
  const problems = events.flatMap((event) => [
    ...(event.rejection ? [`rejected: ${event.rejection.code}`] : []),
    ...(event.problems ?? []).map(({ code }) => `dropped: ${code}`),
    ...(event.warnings ?? []).map(({ code }) => `warning: ${code}`),
  ]);
  const chosen = routed.filter((event) => event.key && "partition" in event.key).map((event) => event.key.partition);
  const keys = routed.filter((event) => event.key).map((event) => event.key.text);
  const tables = [
    table("Problems", "problem", counts(problems), events.length),
    table("Topics", "topic", counts(routed.map((event) => topicName(event.topic))), events.length),
    table("Rules that chose the topic", "rule", counts(routed.map((event) => event.topic.text)), events.length),
    table("Sources of the key", "field", counts(keys), events.length),
    table(`Partitions (0–${partitions - 1})`, "partition", counts(chosen), events.length),
  ].filter((one) => one !== null);
  return element("section", { class: "overview", "aria-label": "All events" }, ...tables);
}
