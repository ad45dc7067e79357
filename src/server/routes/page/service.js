// Shared by the pages: information about the service, the operator token, and the links in the footer.

import { at, element } from "./element.js";

/** Returns the content of `service.json`, or `null` if it is unavailable. */
export async function service() {
  try {
    const response = await fetch("page/service.json");
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/** Returns the header for a token. Browsers reject invalid header values, so there is no header for an invalid token. */
export function authorization(token) {
  const given = token.trim();
  return /^[\x21-\x7e]+$/.test(given) ? { Authorization: `Bearer ${given}` } : {};
}

/** Returns the error message for a token that the service rejected. */
export function tokenProblem(token) {
  return token === "" ? "This service requires the operator token." : "This is not the operator token.";
}

/** Adds a link to the metrics and the version to the footer. */
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
