// Requests explanations while the user types, and shows them.

import { at, setText } from "./element.js";
import { findings } from "./findings.js";
import { place, scan, tidy } from "./json.js";
import { read } from "./link.js";
import { render, summary, worst } from "./results.js";
import { SAMPLES } from "./samples.js";
import { withoutSecrets } from "./secrets.js";
import { authorization, service, showService, tokenProblem } from "./service.js";
import { copy, share } from "./share.js";

/** The time without a keystroke before a request is sent, in milliseconds. */
const PAUSE = 250;

const [sample, family, partitions, event, destination] =
  ["sample", "family", "partitions", "event", "destination"].map(at);
const [status, results, token, choice] = ["status", "results", "token", "choice"].map(at);

let timer = 0;
let asking = null;
let shown = "";
let open = new Set([0]);

/** Returns the contents of all fields as texts. */
function state() {
  return { event: event.value, destination: destination.value, family: family.value, partitions: partitions.value };
}

function fill(state) {
  choose([]);
  event.value = state.event;
  destination.value = state.destination;
  family.value = state.family;
  if (family.selectedIndex < 0) family.value = "kafka";
  partitions.value = /^[0-9]*$/.test(state.partitions) ? state.partitions : "";
  markSample();
}

/** Selects the sample that the fields contain, if any. */
function markSample() {
  const same = (one) => one.event === event.value && one.destination === destination.value && one.family === family.value;
  const index = SAMPLES.findIndex(same);
  sample.value = index < 0 ? "" : `${index}`;
}

/** Shows a status message. The kind `wrong` removes the result. */
function say(text, kind = "") {
  setText(status, text);
  status.className = kind;
  setStale(false);
  if (kind !== "wrong") return;
  shown = "";
  results.replaceChildren();
  showFindings(null);
}

/** Marks the shown result as outdated or as current. */
function setStale(isStale) {
  const hasResult = results.childElementCount > 0;
  document.body.classList.toggle("stale", isStale && hasResult);
  results.setAttribute("aria-busy", `${isStale}`);
}

function showFindings(check) {
  const part = at("findings");
  const text = JSON.stringify(check);
  part.hidden = check === null;
  if (part.dataset.shown === text) return;
  part.dataset.shown = text;
  part.replaceChildren(...findings(check));
}

function setInvalid(field, isInvalid) {
  if (isInvalid) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

/** The destination ID in a link from the live view. */
const wanted = new URLSearchParams(location.search).get("destinationId") ?? "";

/** The destinations in the destination field, if there are several. */
let choices = [];

/** Shows a list of destinations to choose from. An empty list is hidden. */
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

/** Whether a text is treated as YAML, the format of the Rudder CLI: it does not start like a JSON object or array. */
function isYaml(text) {
  return /^\s*[^\s{[]/.test(text);
}

/** Validates the JSON in a field and shows the first error. */
function check(field) {
  const scanned = scan(field.value);
  const error = at(`${field.id}-error`);
  error.hidden = scanned.error === null;
  setInvalid(field, scanned.error !== null);
  if (scanned.error) {
    const { line, column } = place(field.value, scanned.error.at);
    setText(error.firstElementChild, `Line ${line}, column ${column}: ${scanned.error.message}.`);
    error.lastElementChild.onclick = () => {
      field.focus();
      field.setSelectionRange(scanned.error.at, Math.min(scanned.error.at + 1, field.value.length));
    };
  }
  return scanned;
}

/** Returns the number of partitions, `null` if the field is empty, or `undefined` if it is invalid. */
function count() {
  const number = Number(partitions.value);
  const isBad = partitions.validity.badInput || (partitions.value !== "" && !(Number.isInteger(number) && number >= 1 && number <= 2147483647));
  const error = at("partitions-error");
  error.hidden = !isBad;
  error.textContent = isBad ? "Enter a whole number from 1 to 2147483647, or leave the field empty." : "";
  setInvalid(partitions, isBad);
  if (isBad) return undefined;
  return partitions.value === "" ? null : number;
}

function warnOfSecrets() {
  const { paths } = withoutSecrets(destination.value);
  const note = at("destination-note");
  const listed = paths.length > 5 ? `${paths.slice(0, 5).join(", ")} and more` : paths.join(", ");
  setText(note, paths.length === 0 ? "" : `${listed}: not needed here, and omitted from links.`);
  note.hidden = paths.length === 0;
}

/** Builds a request from the exact texts of the fields. Returns `null` if a field is invalid. */
function request(number) {
  const yaml = isYaml(destination.value);
  const events = check(event);
  const given = yaml ? { error: null, values: [] } : check(destination);
  if (yaml) {
    at("destination-error").hidden = true;
    setInvalid(destination, false);
  }
  warnOfSecrets();
  if (events.error || given.error) {
    const field = events.error ? "event" : "destination";
    say(`The ${field} is not valid JSON.`, "wrong");
    return null;
  }
  if (given.values.length > 1) {
    say("The destination field contains more than one JSON value.", "wrong");
    return null;
  }
  if (number === undefined) {
    say("The number of partitions is invalid.", "wrong");
    return null;
  }
  if (events.values.length === 0) {
    say(wanted === "" ? "Paste an event, or pick a sample." : `Paste an event of destination ${wanted.slice(0, 64)}, and the destination or a workspaceConfig.json that contains it.`, "wrong");
    return null;
  }
  const texts = events.values.map(({ start, end }) => event.value.slice(start, end));
  const list = texts.length === 1 && texts[0].startsWith("[") ? texts[0] : `[${texts.join(",")}]`;
  const parts = [`"events":${list}`, `"family":${JSON.stringify(family.value)}`, `"check":true`];
  if (given.values.length === 1) parts.push(`"destination":${destination.value}`);
  if (yaml) parts.push(`"destination":${JSON.stringify(destination.value)}`);
  const chosen = choices[choice.value];
  if (chosen?.id) parts.push(`"destinationId":${JSON.stringify(chosen.id)}`);
  if (chosen?.name) parts.push(`"destinationName":${JSON.stringify(chosen.name)}`);
  if (number !== null) parts.push(`"partitions":${number}`);
  return `{${parts.join(",")}}`;
}

/** Sends a request and shows its response. Aborts the previous request. */
async function run() {
  clearTimeout(timer);
  asking?.abort();
  const number = count();
  const body = request(number);
  if (body === null) return;
  if (!at("token-field").hidden && token.value === "") {
    say(tokenProblem(""), "wrong");
    return;
  }
  const { signal } = (asking = new AbortController());
  let text;
  try {
    const headers = { "Content-Type": "application/json", ...authorization(token.value) };
    const response = await fetch("explain", { method: "POST", headers, body, signal });
    text = await response.text();
    if (response.status === 401) {
      at("token-field").hidden = false;
      setInvalid(token, token.value !== "");
      say(tokenProblem(token.value), "wrong");
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
    if (error.name !== "AbortError") say("The service is unreachable.", "wrong");
    return;
  }
  const { events, check: checked = null } = JSON.parse(text);
  showFindings(checked);
  say(summary(events, number), worst(events));
  if (shown === `${number} ${text}`) return;
  shown = `${number} ${text}`;
  if (results.childElementCount !== events.length) open = new Set([0]);
  results.replaceChildren(...render(events, number, copy, (index) => open.has(index)));
}

/** Returns the destinations to choose from, if an error response lists them. */
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
    return `The service responds with status ${status}.`;
  }
}

function changed() {
  setStale(true);
  at("share-error").hidden = true;
  clearTimeout(timer);
  timer = setTimeout(run, PAUSE);
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

async function start() {
  sample.append(new Option("Your own", ""), ...SAMPLES.map(({ name }, index) => new Option(name, `${index}`)));
  for (const field of [event, destination, partitions]) {
    field.addEventListener("input", () => {
      if (field === destination) choose([]);
      markSample();
      changed();
    });
  }
  token.addEventListener("input", changed);
  family.addEventListener("change", () => {
    markSample();
    changed();
  });
  choice.addEventListener("change", changed);
  sample.addEventListener("change", pick);
  at("copy-link").addEventListener("click", () => {
    const problem = share(state());
    at("share-error").hidden = problem === null;
    setText(at("share-error"), problem ?? "");
  });
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
    if (!linked) return;
    fill(linked);
    changed();
  });
  const empty = { event: "", destination: "", family: "kafka", partitions: "12" };
  fill(read(location.hash) ?? (wanted === "" ? { ...SAMPLES[0], partitions: "12" } : empty));
  const info = await service();
  showService(info);
  if (info?.requiresToken) {
    at("token-field").hidden = false;
    token.focus();
  }
  run();
}

start();
