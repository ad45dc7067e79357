// Stores the state of the page in the fragment of a link, because browsers do not send the part after `#` to servers.

const START = "#v1.";
/** The maximum length of a fragment. Mail and chat programs may truncate longer links. */
export const MAX_LENGTH = 60_000;

/** Returns the fragment for a state. */
export function write({ event, destination, family, partitions }) {
  const text = JSON.stringify({ e: event, d: destination, f: family, p: partitions });
  let binary = "";
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return START + btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Returns the state in a fragment, or `null` if the fragment contains no state. */
export function read(fragment) {
  if (!fragment.startsWith(START)) return null;
  try {
    const binary = atob(fragment.slice(START.length).replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const state = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    const { e: event, d: destination, f: family, p: partitions } = state;
    const texts = [event, destination, family, partitions];
    return texts.every((text) => typeof text === "string") ? { event, destination, family, partitions } : null;
  } catch {
    return null;
  }
}
