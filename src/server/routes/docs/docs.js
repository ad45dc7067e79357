// Shows the API with Swagger UI in the browser's color scheme. Removes controls that do not work on this port, and adds what
// screen readers and keyboard users need.

(() => {
  const main = document.getElementById("swagger-ui");
  const served = main.dataset.served.split(" ");
  const requiresToken = main.dataset.requiresToken === "true";

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const color = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", color);
  color();

  // Only paths on this port can be tried out, because the Content Security Policy of this page allows no other requests.
  const servedHere = () => ({
    statePlugins: { spec: { wrapSelectors: { allowTryItOutFor: () => (_, path) => served.includes(path) } } },
  });
  const nothing = () => null;
  const withoutAuthorization = () => ({ components: { authorizeBtn: nothing, authorizeOperationBtn: nothing } });
  // Swagger UI puts links inside buttons, which HTML does not allow. Opening an operation still changes the address.
  const withoutLinksInButtons = (system) => ({
    components: { DeepLink: ({ text }) => system.React.createElement("span", null, text) },
  });

  SwaggerUIBundle({
    url: new URL(main.dataset.document, location.href).pathname,
    dom_id: "#swagger-ui",
    deepLinking: true,
    // By default, Swagger UI uses a public server to validate the document.
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [servedHere, withoutLinksInButtons, ...(requiresToken ? [] : [withoutAuthorization])],
    // Hide the list of schemas, which are also shown with requests and responses.
    defaultModelsExpandDepth: -1,
    layout: "BaseLayout",
  });

  const LABELS = {
    ".content-type": "Content type",
    ".examples-select-element": "Example",
    ".servers select": "Server",
    ".copy-to-clipboard button": "Copy",
    ".close-modal": "Close",
    ".body-param__text": "Request body",
  };

  const set = (node, name, value) => node.getAttribute(name) === value || node.setAttribute(name, value);

  /** Labels controls, makes scrollable texts focusable, and removes gaps between heading levels. */
  function complete() {
    for (const [selector, label] of Object.entries(LABELS)) {
      for (const node of main.querySelectorAll(selector)) {
        if (!node.labels?.length) set(node, "aria-label", label);
      }
    }
    for (const node of main.querySelectorAll(".parameters select, .parameters input, .parameters textarea")) {
      const name = node.closest("tr")?.querySelector(".parameter__name")?.firstChild?.textContent;
      if (name && !node.labels?.length) set(node, "aria-label", name);
    }
    for (const node of main.querySelectorAll("pre")) set(node, "tabindex", "0");
    for (const node of main.querySelectorAll("table[role=region]")) node.removeAttribute("role");
    let level = 1;
    for (const node of main.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
      level = Math.min(Math.max(Number(node.tagName[1]), 2), level + 1);
      set(node, "aria-level", `${level}`);
      set(node, "role", "heading");
    }
  }

  let frame = 0;
  new MutationObserver(() => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(complete);
  }).observe(main, { childList: true, subtree: true });
})();
