// The state of the page as the fragment of a link: what is behind `#` stays in the browser.

import { scan } from "./json.js";

const START = "#v1.";
/** Longer links are cut by programs that people send them with. */
export const MAX_LENGTH = 60_000;
/** Members of a destination's Config that nobody should hand on. */
const CREDENTIALS = new Set(
  ["password", "username", "apiKey", "apiSecret", "eventHubsConnectionString", "sshPrivateKey", "caCertificate"]
    .map((name) => name.toLowerCase()),
);

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

/** The text of a destination or event without the values of its credentials, and the names of those that it has. */
export function withoutCredentials(text) {
  const { tokens } = scan(text);
  const names = new Set();
  let out = "";
  let copied = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "key" || tokens[index + 2]?.kind !== "string") continue;
    const name = JSON.parse(text.slice(token.start, token.end));
    const value = tokens[index + 2];
    if (!CREDENTIALS.has(name.toLowerCase()) || value.end - value.start <= 2) continue;
    names.add(name);
    out += `${text.slice(copied, value.start)}""`;
    copied = value.end;
  }
  return { text: out + text.slice(copied), names: [...names] };
}
