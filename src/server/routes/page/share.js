// The dialog "Copy link", which shows exactly what the link contains before the user copies the link.

import { at, element } from "./element.js";
import { scan } from "./json.js";
import { MAX_LENGTH, write } from "./link.js";
import { withoutSecrets } from "./secrets.js";

/** Copies a text to the clipboard, and shows "Copied" on the pressed button. */
export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without TLS, browsers do not offer the clipboard API.
    const area = document.createElement("textarea");
    area.value = text;
    (button.closest("dialog") ?? document.body).append(area);
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

/** Returns the state without secrets, and a list of the omitted parts. Returns `null` if the event is not JSON. */
export function shareable({ event, destination, ...rest }) {
  if (scan(event).error) return null;
  const events = withoutSecrets(event);
  // Secrets can only be found in JSON.
  const isReadable = scan(destination).error === null;
  const destinations = isReadable ? withoutSecrets(destination) : { text: "", paths: [] };
  const leftOut = [
    ...events.paths.map((path) => `event: ${path}`),
    ...destinations.paths.map((path) => `destination: ${path}`),
    ...(isReadable ? [] : ["the whole destination: it is not JSON, so secrets cannot be found in it"]),
  ];
  return { state: { event: events.text, destination: destinations.text, ...rest }, leftOut };
}

/** Opens the dialog for a state. Returns an error message if there can be no link, otherwise `null`. */
export function share(state) {
  const shared = shareable(state);
  if (shared === null) return "The event is not valid JSON, so secrets cannot be found in it, and it cannot be shared as a link.";
  const fragment = write(shared.state);
  if (fragment.length > MAX_LENGTH) return "The input is too long for a link.";
  const link = `${location.origin}${location.pathname}${location.search}${fragment}`;
  const { event, destination, family, partitions } = shared.state;
  const shown = (title, text) => [
    element("dt", {}, title),
    element("dd", {}, text.includes("\n") || text.length > 60
      ? element("pre", { tabindex: "0", role: "group", "aria-label": `${title} in the link` }, text)
      : element("code", {}, text === "" ? "none" : text)),
  ];
  at("share-content").replaceChildren(
    ...shown("Event", event),
    ...shown("Destination", destination),
    ...shown("Destination type", family),
    ...shown("Partitions", partitions),
  );
  at("share-left-out").replaceChildren(...shared.leftOut.map((text) => element("li", {}, text)));
  at("share-left-out-part").hidden = shared.leftOut.length === 0;
  at("share-link").value = link;
  at("share-copy").onclick = () => {
    history.replaceState(null, "", link);
    copy(link, at("share-copy"));
  };
  at("share").showModal();
  return null;
}
