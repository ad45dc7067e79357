// What `check` finds wrong with the destination, below the field that it was typed into.

import { element, shortened } from "./element.js";

/** Findings that are shown at first. */
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

/** A line that counts findings by severity. */
function counted(findings, leftOut) {
  const count = (severity) => findings.filter((finding) => finding.severity === severity).length;
  const parts = Object.keys(NAMES).filter((severity) => count(severity) > 0)
    .map((severity) => `${count(severity)} ${severity}${count(severity) === 1 ? "" : "s"}`);
  return `${parts.join(", ")}${leftOut > 0 ? `, and ${leftOut} more` : ""}`;
}

/** The findings as elements; `null` stands for nothing that was checked. */
export function findings(check) {
  if (check === null) return [];
  const title = element("h2", {}, "Configuration of the destination");
  if (check.unavailable !== null) return [title, element("p", { class: "soft" }, `Not checked: ${check.unavailable}.`)];
  if (check.findings.length === 0) return [title, element("p", { class: "soft" }, "No problem was found. Missing passwords and keys do not count.")];
  const list = (part) => element("ul", { class: "findings" }, ...part.map(item));
  const more = check.findings.slice(MAX_SHOWN);
  return [
    title,
    element("p", { class: "soft" }, counted(check.findings, check.leftOut)),
    list(check.findings.slice(0, MAX_SHOWN)),
    more.length > 0 ? element("details", {}, element("summary", {}, `${more.length} more`), list(more)) : null,
  ].filter((part) => part !== null);
}
