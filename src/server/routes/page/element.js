// Helpers for the elements of a page. Event data is always inserted as text, never as markup.

/** Returns the element with an ID. */
export const at = (id) => document.getElementById(id);

/** Creates an element. Attributes and children that are `null` are omitted. The attribute `on` contains event listeners. */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (value !== null) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child !== null));
  return node;
}

/** Sets the text of an element only if it changes: screen readers would announce an unchanged text again. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The number of characters of a value that are initially shown. */
const MAX_SHOWN = 200;

/**
 * Returns nodes that show a text. A long text is shortened, and a button shows all of it. `show` converts a text to nodes, and
 * `limit` is the number of characters that are initially shown.
 */
export function shortened(text, show = (part) => [part], limit = MAX_SHOWN) {
  const characters = text.length > limit ? [...text] : [];
  if (characters.length <= limit) return show(text);
  const content = element("span", {}, ...show(`${characters.slice(0, limit).join("")}…`));
  const count = new Intl.NumberFormat("en-US").format(characters.length);
  const more = element("button", { type: "button", class: "plain more", "aria-expanded": "false" }, `Show all ${count} characters`);
  more.addEventListener("click", () => {
    const isWhole = more.getAttribute("aria-expanded") === "true";
    content.replaceChildren(...show(isWhole ? `${characters.slice(0, limit).join("")}…` : text));
    more.setAttribute("aria-expanded", `${!isWhole}`);
    more.textContent = isWhole ? `Show all ${count} characters` : "Show less";
  });
  return [content, " ", more];
}
