// Shows explanations. Event data is always inserted as text, never as markup.

import { element, shortened } from "./element.js";
import { layout } from "./json.js";
import { overview, topicName } from "./summary.js";

/** The maximum total length of responses that are formatted and colored, in characters. */
const MAX_COLORED = 200_000;
/** The number of characters of a response that are initially shown. */
const MAX_RESPONSE = 20_000;
/** The maximum number of partitions that are drawn. */
const MAX_DRAWN = 64;

/** Shows a value as code, shortened if it is long. */
const code = (text, name = null) => element("span", {}, ...shortened(text, (part) => [element("code", { class: name }, part)]));

/** Formats a value for display: `(empty)` for an empty string, other strings verbatim, anything else as JSON. */
function value(json) {
  if (typeof json !== "string") return JSON.stringify(json);
  return json === "" ? "(empty)" : json;
}

/** Shortens a text to fit on one line. The full text is shown below this line. */
const inLine = (text) => (text.length > 120 ? `${[...text].slice(0, 100).join("")}…` : text);

/** Summarizes the outcome of all events in one line. */
export function summary(events, partitions) {
  if (events.length === 0) return "There are no events.";
  const count = (outcome) => events.filter((event) => event.outcome === outcome).length;
  if (events.length > 1) {
    const dropped = count("undeliverable") > 0 ? `, ${count("undeliverable")} dropped by rudder-server` : "";
    return `${events.length} events: ${count("transformed")} produced${dropped}, ${count("rejected")} rejected.`;
  }
  const [event] = events;
  if (event.outcome === "rejected") return `Rejected: ${event.rejection.text}.`;
  if (event.outcome === "undeliverable") return `Does not reach Kafka: ${event.problems[0].text}.`;
  const partition = "partition" in event.key ? `, ${partitionName(event.key.partition, partitions)}` : "";
  return `Goes to topic ${inLine(topicName(event.topic))}${partition}.`;
}

/** Returns the worst outcome of the events, which determines the color of the summary. */
export function worst(events) {
  return ["rejected", "undeliverable"].find((outcome) => events.some((event) => event.outcome === outcome)) ?? "good";
}

/** Formats a partition with the range of valid numbers, which starts at 0. */
function partitionName(partition, partitions) {
  return `partition ${partition} (0–${partitions - 1})`;
}

/** Codes of the problems that the topic causes. */
const OF_THE_TOPIC = ["no_topic", "topic_not_a_string", "topic_illegal"];

function hasWrongTopic(event) {
  return (event.problems ?? []).some((problem) => OF_THE_TOPIC.includes(problem.code));
}

/** Returns the explanations as elements. `onCopy` is called with the text to copy and the pressed button. */
export function render(events, partitions, onCopy, isOpen) {
  const isSmall = events.reduce((sum, event) => sum + event.response.length, 0) <= MAX_COLORED;
  const cards = events.map((event) => {
    const parts = explained(event, partitions, onCopy, isSmall);
    if (events.length === 1) return element("article", { class: "event" }, ...parts);
    const line = element("summary", {}, ...headline(event));
    const details = element("details", { class: "event", "data-index": event.index }, line, ...parts);
    details.open = isOpen(event.index);
    return details;
  });
  return events.length > 1 ? [overview(events, partitions), ...cards] : cards;
}

function headline(event) {
  const number = element("span", { class: "number" }, `${event.index + 1}`);
  if (event.outcome === "rejected") {
    return [number, element("strong", { class: "bad" }, "rejected"), element("span", { class: "soft" }, event.rejection.text)];
  }
  const partition = "partition" in event.key ? ` · partition ${event.key.partition}` : "";
  if (event.outcome === "undeliverable") {
    return [
      number,
      element("strong", { class: "dropped" }, "dropped"),
      element("span", { class: "soft" }, event.problems[0].text),
    ];
  }
  return [
    number,
    element("strong", {}, element("code", {}, inLine(topicName(event.topic)))),
    element("span", { class: "soft" }, "key ", element("code", {}, inLine(value(event.key.value))), partition),
  ];
}

function explained(event, partitions, onCopy, isSmall) {
  return [
    event.rejection ? rejection(event.rejection) : null,
    event.problems ? problems(event.problems) : null,
    event.warnings ? warnings(event.warnings) : null,
    event.topic && event.key ? facts(event, partitions) : null,
    event.topic ? why(event.topic) : null,
    changes(event),
    response(event, onCopy, isSmall),
  ].filter((part) => part !== null);
}

function rejection({ code: reason, text, errorType }) {
  const fault = errorType === "configuration" ? "The destination is misconfigured" : "The event is invalid";
  return element(
    "div",
    { class: "rejection" },
    element("p", { class: "big" }, text),
    element("p", {}, `${fault}. The other events in the same batch are not affected. `, code(reason)),
  );
}

function problems(list) {
  return element(
    "div",
    { class: "problems" },
    element("p", { class: "big" }, "rudder-server drops this event"),
    ...list.map(({ code: reason, text }) => element("p", {}, ...shortened(text), ". ", code(reason))),
  );
}

function warnings(list) {
  return element(
    "div",
    { class: "warnings" },
    element("p", { class: "big" }, "The record in Kafka may not be what you intended"),
    ...list.map(({ code: reason, text }) => element("p", {}, ...shortened(text), ". ", code(reason))),
  );
}

function facts(event, partitions) {
  const { topic, key } = event;
  const fact = (name, shown, isPlaceholder, ...below) =>
    element(
      "div",
      { class: `fact ${name.toLowerCase()}${name === "Topic" && hasWrongTopic(event) ? " wrong" : ""}` },
      element("h2", {}, name),
      element("p", { class: isPlaceholder ? "big placeholder" : "big" }, ...shortened(shown)),
      ...below,
    );
  const below = (text) => element("p", { class: "soft" }, text);
  const kind = topic.value === null || typeof topic.value === "string" ? "" : ", which is not a string";
  const has = "partition" in key;
  return element(
    "div",
    { class: "facts" },
    fact("Topic", topicName(topic), topic.value === null || topic.value === "", below(`${topic.text}${kind}`)),
    fact("Key", value(key.value), key.value === "", below(key.text)),
    has ? fact("Partition", `${key.partition}`, false, below(`of 0–${partitions - 1}`), drawing(key.partition, partitions)) : null,
  );
}

function drawing(partition, partitions) {
  if (partitions > MAX_DRAWN) return null;
  const cells = Array.from({ length: partitions }, (_, index) =>
    element("span", { class: index === partition ? "cell here" : "cell" }));
  return element("div", { class: "cells", "aria-hidden": "true" }, ...cells);
}

function why(topic) {
  const passed = topic.skipped.map(({ tried, text }) =>
    element("li", { class: "passed" }, element("span", { class: "rule" }, tried), element("span", { class: "soft" }, text)));
  const result = topic.rule === "none"
    ? element("li", { class: "chosen none" }, element("span", { class: "rule" }, topic.text), left(topic))
    : element("li", { class: "chosen" }, element("span", { class: "rule" }, topic.text), element("span", {}, "gives ", code(topicName(topic))));
  return part("Why this topic", element("ol", { class: "steps" }, ...passed, result));
}

function left(topic) {
  if (topic.value === null) return element("span", { class: "soft" }, "the response has no topic, or the topic is null");
  return element("span", {}, "the response contains Config.topic unchanged: ", code(JSON.stringify(topic.value)));
}

function changes({ templates, timestamp }) {
  const items = templates.map(template);
  const stamped = timestamp
    ? element(
      "li",
      {},
      element("span", { class: "rule" }, "Reverse-ETL timestamp"),
      timestamp.applied
        ? element("span", {}, `${timestamp.text}: `, code(value(timestamp.value)))
        : element("span", { class: "soft" }, `does not apply: ${timestamp.text}`),
    )
    : null;
  if (items.length === 0 && !stamped) return null;
  const none = items.length === 0
    ? element("li", {}, element("span", { class: "rule" }, "Templates"), element("span", { class: "soft" }, "no template was evaluated"))
    : null;
  return part("What changed", element("ul", { class: "changes" }, stamped, none, ...items));
}

function template({ pointer, path, default: fallback, found, value: used, valueCut, removed, rejected }) {
  const shown = code(valueCut ? `${used}` : value(used));
  let outcome;
  if (rejected) outcome = element("span", { class: "bad" }, "found a value that cannot be removed from the event, so the event is rejected");
  else if (!found) outcome = element("span", {}, "found nothing, so the default is used: ", shown);
  else if (removed === null) outcome = element("span", {}, "found ", shown, ", which is empty and stays in the event");
  else outcome = element("span", {}, "found ", shown, " and removed ", code(removed, "removed"), " from the event");
  return element(
    "li",
    {},
    element("span", { class: "rule" }, "Template at ", code(pointer === "" ? "Config" : `Config${pointer}`), ": ", code(`{{ ${path} || ${fallback} }}`)),
    outcome,
  );
}

function response({ response: text }, onCopy, isSmall) {
  const copy = element("button", { type: "button", class: "plain", on: { click: () => onCopy(text, copy) } }, "Copy");
  const colored = (piece) =>
    ["key", "string", "number", "word"].includes(piece.kind) ? element("span", { class: piece.kind }, piece.text) : piece.text;
  const show = (part) => (isSmall && part === text ? [...layout(text)].map(colored) : [part]);
  const pre = element("pre", { tabindex: "0", role: "group", "aria-label": "Response" }, ...shortened(text, show, MAX_RESPONSE));
  return part("Response", pre, copy);
}

function part(title, content, button = null) {
  return element("section", { class: "part" }, element("div", { class: "title" }, element("h2", {}, title), button), content);
}
