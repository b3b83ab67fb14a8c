import { renderGateway } from "./gateway-document";
import type { GatewayDocument } from "./gateway-document";

declare const SwaggerUIBundle: ((options: object) => void) | undefined;

/** The two documents as tabs; the address names the one in view, so that links to it work. */
function main(): void {
  const tabs = [...document.querySelectorAll<HTMLButtonElement>("[role=tab]")];
  const show = (name: string) => {
    for (const tab of tabs) {
      const isShown = tab.getAttribute("aria-controls") === name;
      tab.setAttribute("aria-selected", String(isShown));
      element(tab.getAttribute("aria-controls") ?? "").hidden = !isShown;
    }
  };
  for (const tab of tabs) {
    tab.addEventListener("click", () => { location.hash = tab.getAttribute("aria-controls") ?? ""; });
  }
  const follow = () => show(location.hash.startsWith("#gateway") ? "gateway" : "http");
  addEventListener("hashchange", follow);
  follow();

  loadHTTP();
  void loadGateway();
}

function loadHTTP(): void {
  if (typeof SwaggerUIBundle === "undefined") {
    element("http").textContent = "Swagger UI is not installed here: run make install and make web.";
    return;
  }
  SwaggerUIBundle({
    url: "/docs/openapi.json", dom_id: "#http", deepLinking: false, persistAuthorization: true, docExpansion: "list",
    defaultModelsExpandDepth: 0, validatorUrl: null,
  });
}

async function loadGateway(): Promise<void> {
  const target = element("gateway");
  const response = await fetch("/docs/asyncapi.json");
  if (!response.ok) target.textContent = `asyncapi.json: ${response.status}`;
  else target.replaceChildren(renderGateway(await response.json() as GatewayDocument));
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}.`);
  return found;
}

main();
