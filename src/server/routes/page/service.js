// What the pages have in common: what they know of the service, the token, and the links at the end.

import { at, element } from "./element.js";

/** What `service.json` says; `null` if it cannot be had. */
export async function service() {
  try {
    const response = await fetch("page/service.json");
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/** The header for a token. A text that cannot be a token is not sent: browsers reject it. */
export function authorization(token) {
  const given = token.trim();
  return /^[\x21-\x7e]+$/.test(given) ? { Authorization: `Bearer ${given}` } : {};
}

/** What is wrong with a token that the service rejects. */
export function tokenProblem(token) {
  return token === "" ? "This service requires the operator token." : "This is not the operator token.";
}

/** Adds the version and the address of the metrics to the links at the end of the page. */
export function showService(info) {
  const links = at("links");
  if (info === null) return;
  const { version, metricsPort, metricsTls, isOnMetricsPort } = info;
  const metrics = isOnMetricsPort ? "metrics" : `${metricsTls ? "https" : "http"}://${location.hostname}:${metricsPort}/metrics`;
  links.append(
    element("a", { href: metrics }, isOnMetricsPort ? "Metrics" : `Metrics (port ${metricsPort})`),
    element("span", { class: "soft" }, `Version ${version}`),
  );
}
