// The state of the page as the fragment of a link: browsers do not send what is after `#`.

const START = "#v1.";
/** Longer links are cut by programs that people send them with. */
export const MAX_LENGTH = 60_000;

/** The fragment for a state. */
export function write({ event, destination, family, partitions }) {
  const text = JSON.stringify({ e: event, d: destination, f: family, p: partitions });
  let binary = "";
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return START + btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The state that a fragment holds; `null` for any other fragment. */
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
