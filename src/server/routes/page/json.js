// JSON as text: where it is wrong, and how it looks best. Nothing here turns a number into a double or a name into a key, so
// that what is shown and sent is what was written.

const SPACE = /[ \t\n\r]*/y;
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const CLOSING = { "{": "}", "[": "]" };

/**
 * The tokens of JSON values that stand one after the other, and where each value is; or the first place that is wrong.
 * A token is `{ kind, start, end }`: kind is `key`, `string`, `number`, `word`, or the punctuation itself.
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
      return open.length > 0 ? wrong(`it ends before its ${CLOSING[inside]}`) : { tokens, values, error: null };
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
      if (!length) return wrong(next === '"' ? badString(text, at) : `expected a name in double quotes, not ${shown(text, at)}`);
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
      if (!/^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.test(text.slice(end, end + 6))) return "this string has an escape that JSON does not know";
      end += 1;
    } else if (text[end] < " ") {
      return text[end] === "\n" ? "this string does not end on its line" : "this string has a control character in it";
    }
  }
  return "this string has no end";
}

/** Line and column, from 1, of a place in a text. */
export function place(text, at) {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: [...before[before.length - 1]].length + 1 };
}

/** Objects and arrays of no more characters than this, with none inside, stay on one line. */
const MAX_INLINE = 52;

/** Levels that are indented: deeper ones would be nothing but indentation. */
const MAX_INDENT = 40;

/** The pieces of a value laid out in lines, each with the kind of its token; white space has none. */
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

/** Whether what opens at a token is short and has no object or array inside, but something. */
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

/** The text of [`layout`]. */
export function tidy(text) {
  return [...layout(text)].map((piece) => piece.text).join("");
}
