// Removes secrets from JSON text at any depth, and leaves everything else exactly as it was written.

import { scan } from "./json.js";

/** Names of fields that contain secrets, or that identify a user to a service. */
const NAMES = new RegExp(
  [
    "pass(word|wd|phrase|code)?$|^pwd|secret|token|credential|authori[sz]ation|cookie|signature",
    "(api|access|private|account|shared|signing|encryption|service|client|license|write|auth)[-_ ]?keys?($|[-_ ]|name|value|id)",
    "privatekey|sshkey|^key(file|store)|connection[-_ ]?string|^auth$|bearer|jwt|certificate|^(ca|client)?cert$|pem$",
    "^(sasl|ssh)?[-_ ]?user(name)?$",
  ].join("|"),
  "i",
);
/** Names of objects and arrays in which all values are treated as secrets. */
const GROUPS = /^(request|http|custom|extra)?[-_ ]?headers$|secrets?$|credentials$|^auth$/i;
/** Values that are secrets in a field of any name. */
const VALUES = new RegExp(
  [
    "-----BEGIN ",
    "\\beyJ[\\w-]{8,}\\.eyJ[\\w-]+\\.",
    "\\b(Bearer|Basic)\\s+[\\w.~+/=-]{8,}",
    "(SharedAccessKey|AccountKey|password|passwd|pwd|secret|token|api_?key)\\s*=\\s*[^\\s&;]",
    "://[^/\\s:@]*:[^/\\s@]+@",
    "\\b(AKIA|ASIA)[A-Z0-9]{16}\\b",
    "\\b(gh[pousr]|github_pat|xox[abprs]|sk_live|rk_live)[-_][\\w-]{10,}",
  ].join("|"),
  "i",
);
/** The fields that contain the name in pairs such as `{"name": …, "value": …}`. */
const NAME_OF = new Set(["name", "key", "header", "field", "from"]);
/** The fields that contain the value in such pairs. */
const VALUE_OF = new Set(["value", "to", "val", "content"]);
/** The maximum number of listed paths. */
const MAX_PATHS = 100;
/** The maximum length of a listed path, in characters. */
const MAX_PATH = 200;
/** The maximum number of levels of JSON inside strings. */
const MAX_NESTED = 3;

const decode = (text, { start, end }) => JSON.parse(text.slice(start, end));
const isScalar = (kind) => kind === "string" || kind === "number" || kind === "word";

/**
 * Replaces each secret in a JSON text with an empty string. Returns the new text, and the paths of the secrets. Text that
 * is not JSON is returned unchanged, because secrets cannot be found in it. Do not share such text.
 */
export function withoutSecrets(text, nested = 0) {
  const { tokens, error } = scan(text);
  if (error) return { text, paths: [] };
  const ends = closings(tokens);
  const paths = new Set();
  const open = [];
  let out = "";
  let copied = 0;
  const replace = ({ start, end }, value) => {
    out += text.slice(copied, start) + value;
    copied = end;
    if (paths.size >= MAX_PATHS) return;
    const path = open.map((one) => one.name).join(".");
    paths.add(path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}…` : path);
  };
  for (const [index, token] of tokens.entries()) {
    const inside = open[open.length - 1];
    if (token.kind === "key") {
      inside.name = decode(text, token);
      continue;
    }
    if (token.kind === "}" || token.kind === "]") {
      open.pop();
      continue;
    }
    if (token.kind === "," || token.kind === ":") continue;
    if (inside?.isArray) inside.name = `${(inside.count += 1) - 1}`;
    const name = inside && !inside.isArray ? inside.name : "";
    const isSecret = inside?.isSecret || NAMES.test(name);
    if (token.kind === "{" || token.kind === "[") {
      const group = isSecret || GROUPS.test(name);
      const isNamed = token.kind === "{" && namesSecret(text, tokens, ends, index);
      open.push({ name: "", count: 0, isArray: token.kind === "[", isSecret: group, isNamed });
    } else if (isScalar(token.kind)) {
      const isNamed = inside?.isNamed && VALUE_OF.has(name.toLowerCase());
      const value = token.kind === "string" ? decode(text, token) : null;
      const isEmpty = token.kind === "word" || value === "";
      if ((isSecret || isNamed) && !isEmpty) {
        replace(token, '""');
      } else if (value !== null && VALUES.test(value)) {
        replace(token, '""');
      } else if (value !== null && nested < MAX_NESTED && /^\s*[[{]/.test(value) && scan(value).error === null) {
        const inner = withoutSecrets(value, nested + 1);
        if (inner.paths.length > 0) {
          replace(token, JSON.stringify(inner.text));
        }
      }
    }
  }
  return { text: out + text.slice(copied), paths: [...paths] };
}

/** Returns, for each token that opens an object or array, the index of the token that closes it. */
function closings(tokens) {
  const ends = new Int32Array(tokens.length);
  const open = [];
  for (const [index, { kind }] of tokens.entries()) {
    if (kind === "{" || kind === "[") open.push(index);
    else if (kind === "}" || kind === "]") ends[open.pop()] = index;
  }
  return ends;
}

/** Whether an object contains the name of a secret, such as `{"name": "Authorization", "value": …}`. */
function namesSecret(text, tokens, ends, opened) {
  for (let at = opened + 1; at < ends[opened]; at += 1) {
    const { kind } = tokens[at];
    if (kind === "{" || kind === "[") at = ends[at];
    else if (kind === "key" && tokens[at + 2]?.kind === "string" && NAME_OF.has(decode(text, tokens[at]).toLowerCase())) {
      if (NAMES.test(decode(text, tokens[at + 2]))) return true;
    }
  }
  return false;
}
