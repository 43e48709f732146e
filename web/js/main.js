// SPDX-License-Identifier: Apache-2.0
// Which view is shown, and who hears of live events.
import { askForToken, follow } from "./api.js";
import { problem, toast } from "./dom.js";
import { container } from "./container.js";
import { event } from "./event.js";
import { events } from "./events.js";
import { overview } from "./overview.js";
import { policies } from "./policies.js";
import { policy } from "./policy.js";

/* A view: (main, name, signal) fills main; returns what it does with a live event, or nothing. */
const views = { "": overview, events, event, container, policies, policy };
const sections = { "": "overview", container: "overview", event: "events", policy: "policies" };

const main = document.getElementById("main");
let leaving = new AbortController();
let hear = null;

function mark(kind) {
  const section = sections[kind] ?? kind;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === section) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

async function show() {
  const [kind, name] = location.hash.replace(/^#\/?/, "").split("/");
  const view = views[kind] ?? overview;
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  hear = null;
  mark(kind);
  const fresh = document.createElement("div");
  fresh.className = "stack view";
  fresh.dataset.view = kind || "overview";
  try {
    const heard = await view(fresh, decodeURIComponent(name ?? ""), signal);
    if (signal.aborted) return;
    hear = heard ?? null;
  } catch (e) {
    if (signal.aborted) return;
    fresh.replaceChildren(problem(e.message));
  }
  main.replaceChildren(fresh);
  fresh.dispatchEvent(new Event("shown"));
  document.title = `${fresh.querySelector("h1")?.textContent ?? "lutra"} · lutra`;
}

function connected(on) {
  document.getElementById("live").classList.toggle("on", on);
  document.getElementById("live-text").textContent = on ? "live" : "not connected";
}

document.getElementById("token-button").addEventListener("click", async () => {
  if (await askForToken()) toast("The token is used from now on, until this tab is closed.");
});
for (const button of document.querySelectorAll("dialog .cancel"))
  button.addEventListener("click", () => button.closest("dialog").close("cancel"));
document.querySelector(".skip").addEventListener("click", (e) => {
  e.preventDefault();
  main.focus();
});
window.addEventListener("hashchange", async () => {
  await show();
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
});
show();
follow((alert) => hear?.(alert), connected);
