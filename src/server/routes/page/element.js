// Elements of a page. Whatever comes from events is put in as text, never as markup.

/** The element with an ID. */
export const at = (id) => document.getElementById(id);

/** An element with attributes and children; `null` children are left out. */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (value !== null) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child !== null));
  return node;
}

/** Sets the text of an element, and leaves it alone if it has it already: screen readers repeat what is set. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Characters of a value that are shown at first. */
const MAX_SHOWN = 200;

/**
 * What shows a text, shortened if it is long, with a button that shows all of it. `show` makes the content of an element of a
 * text.
 */
export function shortened(text, show = (part) => [part], most = MAX_SHOWN) {
  const characters = text.length > most ? [...text] : [];
  if (characters.length <= most) return show(text);
  const content = element("span", {}, ...show(`${characters.slice(0, most).join("")}…`));
  const count = new Intl.NumberFormat("en-US").format(characters.length);
  const more = element("button", { type: "button", class: "plain more", "aria-expanded": "false" }, `Show all ${count} characters`);
  more.addEventListener("click", () => {
    const isWhole = more.getAttribute("aria-expanded") === "true";
    content.replaceChildren(...show(isWhole ? `${characters.slice(0, most).join("")}…` : text));
    more.setAttribute("aria-expanded", `${!isWhole}`);
    more.textContent = isWhole ? `Show all ${count} characters` : "Show less";
  });
  return [content, " ", more];
}
