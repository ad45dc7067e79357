// Shows the findings of `check` below the destination field.

import { element, shortened } from "./element.js";

/** The number of findings that are initially shown. */
const MAX_SHOWN = 5;

const NAMES = { error: "Error", warning: "Warning", hint: "Hint" };

function item({ code, severity, pointer, message, advice }) {
  return element(
    "li",
    { class: severity },
    element("p", {}, element("strong", {}, NAMES[severity] ?? severity), " ", element("code", {}, code)),
    element("p", {}, ...shortened(message)),
    pointer === "" ? null : element("p", { class: "soft" }, "at ", element("code", {}, ...shortened(pointer))),
    element("p", { class: "soft" }, `What to do: ${advice}`),
  );
}

/** Returns the number of findings of each severity as a text. */
function counted(findings, leftOut) {
  const count = (severity) => findings.filter((finding) => finding.severity === severity).length;
  const parts = Object.keys(NAMES).filter((severity) => count(severity) > 0)
    .map((severity) => `${count(severity)} ${severity}${count(severity) === 1 ? "" : "s"}`);
  return `${parts.join(", ")}${leftOut > 0 ? `, and ${leftOut} more` : ""}`;
}

/** Returns the findings as elements. `check` is `null` if nothing was checked. */
export function findings(check) {
  if (check === null) return [];
  const title = element("h2", {}, "Configuration of the destination");
  if (check.unavailable !== null) return [title, element("p", { class: "soft" }, `Not checked: ${check.unavailable}.`)];
  if (check.findings.length === 0) return [title, element("p", { class: "soft" }, "No problems found. Missing passwords and keys are not reported.")];
  const list = (part) => element("ul", { class: "findings" }, ...part.map(item));
  const more = check.findings.slice(MAX_SHOWN);
  return [
    title,
    element("p", { class: "soft" }, counted(check.findings, check.leftOut)),
    list(check.findings.slice(0, MAX_SHOWN)),
    more.length > 0 ? element("details", {}, element("summary", {}, `${more.length} more`), list(more)) : null,
  ].filter((part) => part !== null);
}
