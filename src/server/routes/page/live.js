// Shows the activity of all destinations, and updates it regularly.

import { at, element, setText } from "./element.js";
import { authorization, service, showService, tokenProblem } from "./service.js";

/** Milliseconds between two requests. */
const PAUSE = 2_000;
/** The maximum number of destinations that are shown. The filter searches all destinations. */
const MAX_SHOWN = 100;

const [filter, sort, partitions, pause, token] = ["filter", "sort", "partitions", "pause", "token"].map(at);

let report = null;
let timer = 0;
let asking = null;
let isPaused = false;
const open = new Set();

const number = (value) => new Intl.NumberFormat("en-US", { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
const percent = (share) => `${number(share * 100)}%`;
const nameOf = (destination) => destination.destinationId ?? "without an ID";

/** Returns how long ago a Unix timestamp in seconds was, by the clock of the service. */
function ago(time) {
  const seconds = Math.max(0, report.startedAt + report.uptimeSeconds - time);
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

function say(text, kind = "") {
  const status = at("status");
  setText(status, text);
  status.className = kind;
}

const ORDERS = {
  rate: (one) => one.events.recent || one.events.total / 1e9,
  rejected: (one) => one.rejected.recent || one.rejected.total / 1e9,
  empty: (one) => one.emptyKeys.recentShare,
  skew: (one) => one.keys.skew?.factor ?? 0,
};

function sorted(destinations) {
  const order = ORDERS[sort.value];
  const byName = (one, other) => nameOf(one).localeCompare(nameOf(other));
  return [...destinations].sort((one, other) => (order ? order(other) - order(one) : 0) || byName(one, other));
}

function isFound(destination, words) {
  const { destinationId, destType, workspaceId, sourceIds, topics, rejections } = destination;
  const texts = [destinationId, destType, workspaceId, ...sourceIds, ...topics.map(({ topic }) => topic), ...rejections.map(({ reason }) => reason)];
  const text = texts.join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Creates a table with a caption. The first cell of each row is its header. */
function table(caption, heads, rows) {
  if (rows.length === 0) return null;
  const cell = (name, attributes) => (content, index) =>
    element(index === 0 && name === "td" ? "th" : name, { class: index === 0 ? null : "number", scope: index === 0 && name === "td" ? "row" : attributes.scope ?? null }, content);
  return element(
    "table",
    {},
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, heads.map(cell("th", { scope: "col" })))),
    element("tbody", {}, rows.map((row) => element("tr", {}, row.map(cell("td", {}))))),
  );
}

function details(destination) {
  const { rejections, topics, otherTopics, rules, keys, emptyKeys } = destination;
  const counts = ({ recent, total }) => [number(recent), number(total)];
  const heads = (what) => [what, "recent", "total"];
  const explain = element("a", { href: `./?destinationId=${encodeURIComponent(destination.destinationId ?? "")}` }, "Explain an event of this destination");
  const rejected = rejections.map((one) => [
    element("span", {}, element("code", {}, one.reason), element("span", { class: "soft" }, ` ${one.text}`)),
    one.field === "" ? "–" : element("code", {}, one.field),
    ...counts(one),
    ago(one.latestAt),
  ]);
  const routed = topics.map((one) => [element("code", {}, one.topic), ...counts(one)]);
  if (otherTopics.total > 0) routed.push(["other topics", ...counts(otherTopics)]);
  const hot = keys.hottest.map((key) => [element("code", {}, key.key === "" ? "(empty)" : key.key), number(key.events), percent(key.share), `${key.partition}`]);
  const exact = [
    keys.sampled ? ", estimated from a sample" : "",
    keys.shortBy === 0 ? "" : `, counts may be too low by up to ${number(keys.shortBy)}`,
  ].join("");
  const tables = [
    table("Topics", heads("topic"), routed),
    table("Rules that chose the topic", heads("rule"), rules.map((one) => [element("code", {}, one.rule), ...counts(one)])),
    table(`Hottest keys of the last ${number(keys.seconds / 60)} min${exact}`, ["key", "events", "share", "partition"], hot),
  ];
  return [
    table("Rejected events", ["reason", "field", "recent", "total", "latest"], rejected),
    rejections.length > 0 ? element("p", {}, explain) : null,
    element("div", { class: "tables" }, tables),
    emptyKeys.total > 0 ? element("p", {}, `${percent(emptyKeys.share)} of all transformed events have an empty key and share one partition.`) : null,
    keys.skew ? element("p", {}, `Of ${report.partitions} partitions, partition ${keys.skew.partition} gets ${percent(keys.skew.share)} of the events: ${number(keys.skew.factor)} times an even share.`) : null,
  ];
}

function card(destination) {
  const { events, rejected, keys, emptyKeys } = destination;
  const name = `${destination.destType} ${destination.destinationId}`;
  const flag = (text, kind) => element("span", { class: `flag ${kind}` }, text);
  const flags = [
    rejected.recent > 0 ? flag(`${number(rejected.recent)} rejected`, "bad") : null,
    destination.rules.some(({ rule, recent }) => rule === "none" && recent > 0) ? flag("without a topic", "bad") : null,
    emptyKeys.recentShare > 0.05 ? flag(`${percent(emptyKeys.recentShare)} empty keys`, "warn") : null,
    keys.skew && keys.skew.factor >= 2 && keys.events >= 100 ? flag(`skew ${number(keys.skew.factor)}×`, "warn") : null,
  ];
  const facts = [
    `${number(destination.eventsPerSecond)} events/s`,
    `${number(events.recent)} recent`,
    `${number(events.total)} total`,
    `latest ${ago(destination.latestEventAt)}`,
  ];
  const ids = [
    destination.workspaceId ? `workspace ${destination.workspaceId}` : null,
    destination.sourceIds.length > 0 ? `source ${destination.sourceIds.join(", ")}${destination.hasMoreSources ? ", …" : ""}` : null,
  ].filter(Boolean);
  const shown = element(
    "details",
    { class: "card", "data-name": name, ...(open.has(name) ? { open: "" } : {}) },
    element("summary", {}, element("strong", {}, nameOf(destination)), ` ${destination.destType} `, element("span", { class: "soft" }, facts.join(" · ")), " ", flags),
    ids.length > 0 ? element("p", { class: "soft" }, ids.join(" · ")) : null,
    details(destination),
  );
  shown.addEventListener("toggle", () => (shown.open ? open.add(name) : open.delete(name)));
  return shown;
}

/** Returns the focusable elements of a card. Their order is the same each time the card is drawn. */
const focusable = (card) => [...card.querySelectorAll("summary, a, button")];

/** Draws the cards, and restores the focus. */
function draw(found) {
  const section = at("destinations");
  const selection = getSelection();
  // Redrawing would clear a selection that the user may want to copy.
  if (!selection.isCollapsed && section.contains(selection.anchorNode)) return;
  const focused = document.activeElement?.closest?.("details.card");
  const place = focused ? focusable(focused).indexOf(document.activeElement) : -1;
  section.replaceChildren(...found.slice(0, MAX_SHOWN).map(card));
  if (place < 0) return;
  const again = [...section.children].find((one) => one.dataset.name === focused.dataset.name);
  if (again) focusable(again)[place]?.focus({ preventScroll: true });
}

function show() {
  if (report === null) return;
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = sorted(report.destinations.filter((destination) => isFound(destination, words)));
  draw(found);
  const all = report.destinations.length;
  const more = found.length > MAX_SHOWN ? `, the first ${MAX_SHOWN} are shown` : "";
  say(all === 0 ? "No events yet." : `${found.length} of ${all} destinations${more}.`);
  const { others, limits } = report;
  const note = at("limits");
  note.hidden = others.events.total === 0;
  note.textContent = `At most ${limits.destinations} destinations are counted separately. All others together have ${number(others.events.total)} events, ${number(others.events.recent)} of them recent.`;
}

async function load() {
  clearTimeout(timer);
  asking?.abort();
  const { signal } = (asking = new AbortController());
  try {
    const count = partitions.validity.valid && partitions.value !== "" ? partitions.value : "12";
    const response = await fetch(`destinations?partitions=${count}`, { headers: authorization(token.value), signal });
    if (response.status === 401) {
      const isFirst = at("token-form").hidden;
      at("token-form").hidden = false;
      at("controls").hidden = true;
      at("destinations").replaceChildren();
      say(tokenProblem(token.value), "wrong");
      if (isFirst) token.focus();
      return;
    }
    if (!response.ok) throw new Error(`The service responds with status ${response.status}.`);
    report = await response.json();
    at("token-form").hidden = true;
    at("controls").hidden = false;
    show();
  } catch (error) {
    if (error.name === "AbortError") return;
    say(error.message.startsWith("The service") ? error.message : "The service is unreachable.", "wrong");
  }
  if (!isPaused) timer = setTimeout(load, PAUSE);
}

pause.addEventListener("click", () => {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", `${isPaused}`);
  pause.textContent = isPaused ? "Resume" : "Pause";
  if (isPaused) clearTimeout(timer);
  else load();
});
filter.addEventListener("input", show);
sort.addEventListener("change", show);
partitions.addEventListener("change", load);
for (const form of [at("controls"), at("token-form")]) {
  form.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    load();
  });
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else if (!isPaused) load();
});
load();
service().then(showService);
