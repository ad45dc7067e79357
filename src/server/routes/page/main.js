// Asks for explanations while somebody types, and shows them.

import { place, scan, tidy } from "./json.js";
import { MAX_LENGTH, read, withoutCredentials, write } from "./link.js";
import { render, summary, worst } from "./results.js";
import { SAMPLES } from "./samples.js";

/** Milliseconds without a key pressed after which it is asked. */
const PAUSE = 250;

const at = (id) => document.getElementById(id);
const [sample, family, partitions, event, destination] =
  ["sample", "family", "partitions", "event", "destination"].map(at);
const [status, results, token, choice] = ["status", "results", "token", "choice"].map(at);

let timer = 0;
let asking = null;
let shown = "";
let open = new Set([0]);

/** What the page is about: all of it is text. */
function state() {
  return { event: event.value, destination: destination.value, family: family.value, partitions: partitions.value };
}

function apply(state) {
  choose([]);
  event.value = state.event;
  destination.value = state.destination;
  family.value = state.family;
  if (family.selectedIndex < 0) family.value = "kafka";
  partitions.value = /^[0-9]*$/.test(state.partitions) ? state.partitions : "";
  markSample();
  run();
}

/** Names the sample that is in the fields, if any. */
function markSample() {
  const same = (one) => one.event === event.value && one.destination === destination.value && one.family === family.value;
  const index = SAMPLES.findIndex(same);
  sample.value = index < 0 ? "" : `${index}`;
}

function say(text, kind = "") {
  if (status.textContent !== text) status.textContent = text;
  status.className = kind;
  results.classList.toggle("stale", kind === "wrong");
}

function setInvalid(field, isInvalid) {
  if (isInvalid) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

/** The ID of the destination that the page of destinations has linked to. */
const wanted = new URLSearchParams(location.search).get("destinationId") ?? "";

/** The destinations that the text has, if several. */
let choices = [];

/** Offers destinations to choose from; none hides the list. */
function choose(destinations) {
  const same = JSON.stringify(destinations) === JSON.stringify(choices);
  at("choice-field").hidden = destinations.length === 0;
  if (same) return;
  choices = destinations;
  const title = ({ id, name, family, enabled }) =>
    `${name || "without a name"} (${[id && `ID ${id}`, family, !enabled && "disabled"].filter(Boolean).join(", ")})`;
  choice.replaceChildren(
    new Option("Choose one", ""),
    ...destinations.map((destination, index) => new Option(title(destination), `${index}`)),
  );
  const index = wanted === "" ? -1 : destinations.findIndex(({ id }) => id === wanted);
  if (index >= 0) {
    choice.value = `${index}`;
    run();
  }
}

/** YAML, such as the Rudder CLI's: anything that does not begin as JSON of a destination does. */
function isYaml(text) {
  return /^\s*[^\s{[]/.test(text);
}

/** Checks a field's JSON and says what is wrong with it. */
function check(field) {
  const scanned = scan(field.value);
  const error = at(`${field.id}-error`);
  error.hidden = scanned.error === null;
  setInvalid(field, scanned.error !== null);
  if (scanned.error) {
    const { line, column } = place(field.value, scanned.error.at);
    const text = `Line ${line}, column ${column}: ${scanned.error.message}.`;
    if (error.firstElementChild.textContent !== text) error.firstElementChild.textContent = text;
    error.lastElementChild.onclick = () => {
      field.focus();
      field.setSelectionRange(scanned.error.at, Math.min(scanned.error.at + 1, field.value.length));
    };
  }
  return scanned;
}

/** The number of partitions; `null` for none, `undefined` for what is no such number. */
function count() {
  const number = Number(partitions.value);
  const isBad = partitions.validity.badInput || (partitions.value !== "" && !(Number.isInteger(number) && number >= 1 && number <= 2147483647));
  const error = at("partitions-error");
  error.hidden = !isBad;
  error.textContent = isBad ? "Partitions: a whole number from 1 to 2147483647, or nothing." : "";
  setInvalid(partitions, isBad);
  if (isBad) return undefined;
  return partitions.value === "" ? null : number;
}

function warnOfCredentials() {
  const { names } = withoutCredentials(destination.value);
  const note = at("destination-note");
  const text = names.length === 0
    ? ""
    : `${names.join(", ")}: not needed here. It decides nothing, and a link leaves it out.`;
  if (note.textContent !== text) note.textContent = text;
  note.hidden = names.length === 0;
}

/** The request for what is in the fields, literal for literal; `null` where they cannot be read. */
function request(number) {
  const yaml = isYaml(destination.value);
  const events = check(event);
  const beside = yaml ? { error: null, values: [] } : check(destination);
  if (yaml) {
    at("destination-error").hidden = true;
    setInvalid(destination, false);
  }
  warnOfCredentials();
  if (events.error || beside.error) {
    const field = events.error ? "event" : "destination";
    say(`The ${field} is not valid JSON.`, "wrong");
    return null;
  }
  if (beside.values.length > 1) {
    say("There is more than one destination.", "wrong");
    return null;
  }
  if (number === undefined) {
    say("The number of partitions cannot be read.", "wrong");
    return null;
  }
  if (events.values.length === 0) {
    say(wanted === "" ? "Paste an event, or pick a sample." : `Paste an event of destination ${wanted.slice(0, 64)}, and this destination or the workspaceConfig.json that has it.`, "wrong");
    return null;
  }
  const texts = events.values.map(({ start, end }) => event.value.slice(start, end));
  const list = texts.length === 1 && texts[0].startsWith("[") ? texts[0] : `[${texts.join(",")}]`;
  const parts = [`"events":${list}`, `"family":${JSON.stringify(family.value)}`];
  if (beside.values.length === 1) parts.push(`"destination":${destination.value}`);
  if (yaml) parts.push(`"destination":${JSON.stringify(destination.value)}`);
  const chosen = choices[choice.value];
  if (chosen?.id) parts.push(`"destinationId":${JSON.stringify(chosen.id)}`);
  if (chosen?.name) parts.push(`"destinationName":${JSON.stringify(chosen.name)}`);
  if (number !== null) parts.push(`"partitions":${number}`);
  return `{${parts.join(",")}}`;
}

/** What the request is sent with. What no token can have is not sent: browsers refuse to. */
function headers() {
  const json = { "Content-Type": "application/json" };
  const given = token.value.trim();
  return /^[\x21-\x7e]+$/.test(given) ? { ...json, Authorization: `Bearer ${given}` } : json;
}

/** Asks, and shows what comes; what was asked before is not waited for any more. */
async function run() {
  clearTimeout(timer);
  asking?.abort();
  const number = count();
  const body = request(number);
  if (body === null) return;
  const { signal } = (asking = new AbortController());
  let text;
  try {
    const response = await fetch("explain", { method: "POST", headers: headers(), body, signal });
    text = await response.text();
    if (response.status === 401) {
      at("token-field").hidden = false;
      setInvalid(token, token.value !== "");
      say(token.value === "" ? "This service asks for the operator's token." : "This is not the operator's token.", "wrong");
      return;
    }
    setInvalid(token, false);
    if (!response.ok) {
      const several = destinations(text);
      if (several.length > 0) choose(several);
      if (asking.signal !== signal) return;
      say(several.length > 0 ? `There are ${several.length} destinations: choose one.` : rejection(response.status, text), "wrong");
      return;
    }
  } catch (error) {
    if (error.name !== "AbortError") say("The service cannot be reached.", "wrong");
    return;
  }
  const { events } = JSON.parse(text);
  say(summary(events, number), worst(events));
  if (shown === `${number} ${text}`) return;
  shown = `${number} ${text}`;
  if (results.childElementCount !== events.length) open = new Set([0]);
  results.replaceChildren(...render(events, number, copy, (index) => open.has(index)));
}

/** The destinations to choose from that an error lists. */
function destinations(text) {
  try {
    return JSON.parse(text).destinations ?? [];
  } catch {
    return [];
  }
}

function rejection(status, text) {
  try {
    return `${JSON.parse(text).message}.`;
  } catch {
    return `The service answers with ${status}.`;
  }
}

/** The address of this page with its state; `null` where that is too long. */
function link() {
  const { event, destination, ...rest } = state();
  const [one, other] = [event, destination].map((text) => withoutCredentials(text).text);
  const fragment = write({ event: one, destination: other, ...rest });
  return fragment.length > MAX_LENGTH ? null : `${location.origin}${location.pathname}${location.search}${fragment}`;
}

function changed() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    // What cannot be read may hold a credential that is not seen.
    const readable = [event, destination].every((field) => scan(field.value).error === null);
    const address = readable ? link() : null;
    if (address) history.replaceState(null, "", address);
    run();
  }, PAUSE);
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without TLS there is no other way.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const label = button.dataset.label ?? button.textContent;
  button.dataset.label = label;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = label), 1500);
}

function copyLink() {
  const unreadable = [event, destination].some((field) => scan(field.value).error !== null);
  const address = unreadable ? null : link();
  if (address) {
    history.replaceState(null, "", address);
    copy(address, at("copy-link"));
  } else {
    say(unreadable ? "What is not valid JSON is not put into a link." : "This is too much for a link.", "wrong");
  }
}

function pick() {
  const picked = SAMPLES[sample.value];
  if (!picked) return;
  event.value = picked.event;
  destination.value = picked.destination;
  family.value = picked.family;
  choose([]);
  changed();
}

function tidyUp() {
  for (const field of [event, destination]) {
    if (!isYaml(field.value) && scan(field.value).error === null) field.value = tidy(field.value);
  }
  markSample();
  changed();
}

function start() {
  sample.append(new Option("Your own", ""), ...SAMPLES.map(({ name }, index) => new Option(name, `${index}`)));
  for (const field of [event, destination, partitions]) {
    field.addEventListener("input", () => {
      if (field === destination) choose([]);
      markSample();
      changed();
    });
  }
  // It is in no link, so that the address stays as it is.
  token.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(run, PAUSE);
  });
  family.addEventListener("change", () => {
    markSample();
    changed();
  });
  choice.addEventListener("change", run);
  sample.addEventListener("change", pick);
  at("copy-link").addEventListener("click", copyLink);
  at("tidy").addEventListener("click", tidyUp);
  at("input").addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    run();
  });
  results.addEventListener("toggle", ({ target }) => {
    const index = Number(target.dataset.index);
    if (target.open) open.add(index);
    else open.delete(index);
  }, true);
  addEventListener("hashchange", () => {
    const linked = read(location.hash);
    if (linked) apply(linked);
  });
  const empty = { event: "", destination: "", family: "kafka", partitions: "12" };
  apply(read(location.hash) ?? (wanted === "" ? { ...SAMPLES[0], partitions: "12" } : empty));
}

start();
