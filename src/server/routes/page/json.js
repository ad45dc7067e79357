// Validates and formats JSON text without parsing values, so that numbers, escapes and duplicate keys are shown and sent
// exactly as they were written.

const SPACE = /[ \t\n\r]*/y;
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const CLOSING = { "{": "}", "[": "]" };

/**
 * Scans a sequence of JSON values. Returns their tokens, the range of each value, and the first error or `null`.
 * A token is `{ kind, start, end }`, where `kind` is `key`, `string`, `number`, `word`, or the punctuation character.
 */
export function scan(text) {
  const tokens = [];
  const values = [];
  const open = [];
  let at = 0;
  let start = 0;
  let expected = "value";

  const match = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    return found && found[0].length > 0 ? found[0].length : 0;
  };
  const take = (kind, length) => {
    tokens.push({ kind, start: at, end: at + length });
    at += length;
  };
  const ended = () => {
    if (open.length > 0) {
      expected = "comma";
    } else {
      values.push({ start, end: at });
      expected = "value";
    }
  };
  const wrong = (message) => ({ tokens, values, error: { at: Math.min(at, text.length), message } });

  for (;;) {
    at += match(SPACE);
    const next = text[at];
    const inside = open[open.length - 1];
    if (next === undefined) {
      return open.length > 0 ? wrong(`the text ends before the closing ${CLOSING[inside]}`) : { tokens, values, error: null };
    }
    if (open.length === 0) start = at;
    if (expected === "value" || expected === "value or end") {
      if (next === "]" && expected === "value or end") {
        open.pop();
        take(next, 1);
        ended();
        continue;
      }
      if (next === "{" || next === "[") {
        open.push(next);
        take(next, 1);
        expected = next === "{" ? "key or end" : "value or end";
        continue;
      }
      const [kind, length] = [["string", match(STRING)], ["number", match(NUMBER)], ["word", match(WORD)]]
        .find(([, length]) => length > 0) ?? [];
      if (!kind) return wrong(next === '"' ? badString(text, at) : `expected a value, not ${shown(text, at)}`);
      take(kind, length);
      if (/[\w.+-]/.test(text[at] ?? "") && kind !== "string") {
        return wrong(`expected the end of a ${kind}, not ${shown(text, at)}`);
      }
      ended();
    } else if (expected === "key" || expected === "key or end") {
      if (next === "}" && expected === "key or end") {
        open.pop();
        take(next, 1);
        ended();
        continue;
      }
      const length = match(STRING);
      if (!length) return wrong(next === '"' ? badString(text, at) : `expected a key in double quotes, not ${shown(text, at)}`);
      take("key", length);
      expected = "colon";
    } else if (expected === "colon") {
      if (next !== ":") return wrong(`expected a colon, not ${shown(text, at)}`);
      take(next, 1);
      expected = "value";
    } else if (next === ",") {
      take(next, 1);
      expected = inside === "{" ? "key" : "value";
    } else if (next === CLOSING[inside]) {
      open.pop();
      take(next, 1);
      ended();
    } else {
      return wrong(`expected a comma or ${CLOSING[inside]}, not ${shown(text, at)}`);
    }
  }
}

function shown(text, at) {
  return String.fromCodePoint(text.codePointAt(at));
}

function badString(text, at) {
  for (let end = at + 1; end < text.length; end += 1) {
    if (text[end] === "\\") {
      if (!/^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.test(text.slice(end, end + 6))) return "this string contains an invalid escape sequence";
      end += 1;
    } else if (text[end] < " ") {
      return text[end] === "\n" ? "this string contains a line break" : "this string contains a control character";
    }
  }
  return "this string has no closing quote";
}

/** Returns the line and the column of an offset in a text, both counted from 1. */
export function place(text, at) {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: [...before[before.length - 1]].length + 1 };
}

/** The maximum length of an object or array on one line. Those with a nested object or array are always split into lines. */
const MAX_INLINE = 52;

/** The maximum number of indented levels. With more, lines would consist mostly of indentation. */
const MAX_INDENT = 40;

/** Yields the pieces of a formatted text, each with the kind of its token. The kind of whitespace is empty. */
export function* layout(text) {
  const { tokens, error } = scan(text);
  if (error) {
    yield { text, kind: "" };
    return;
  }
  const space = (text) => ({ text, kind: "" });
  let depth = 0;
  let inline = false;
  for (const [index, { kind, start, end }] of tokens.entries()) {
    const before = tokens[index - 1]?.kind;
    const opened = before === "{" || before === "[";
    const closes = kind === "}" || kind === "]";
    if (closes) depth -= 1;
    if (inline) {
      if (kind === "}" || (opened && before === "{") || before === ",") yield space(" ");
    } else if (depth === 0 && !closes) {
      if (index > 0) yield space("\n");
    } else if (closes ? !opened : opened || before === ",") {
      yield space(`\n${"  ".repeat(Math.min(depth, MAX_INDENT))}`);
    }
    yield { text: text.slice(start, end), kind };
    if (kind === ":") yield space(" ");
    if (closes) inline = false;
    if (kind === "{" || kind === "[") {
      depth += 1;
      inline = staysInline(tokens, index);
    }
  }
}

/** Whether the object or array that opens at a token is short, is not empty, and contains no object or array. */
function staysInline(tokens, index) {
  let characters = 0;
  for (let at = index + 1; at < tokens.length && characters <= MAX_INLINE; at += 1) {
    const { kind, start, end } = tokens[at];
    if (kind === "{" || kind === "[") return false;
    if (kind === "}" || kind === "]") return at > index + 1;
    characters += end - start + 1;
  }
  return false;
}

/** Formats JSON text. Other text is returned unchanged. */
export function tidy(text) {
  return [...layout(text)].map((piece) => piece.text).join("");
}
