// SPDX-License-Identifier: Apache-2.0
// Which view is shown, and who hears of what comes live.
import { ApiError, askAgain, follow, post } from "./api.js";
import { watchDaemon } from "./banner.js";
import { problem, toast } from "./dom.js";
import { quietly } from "./poll.js";
import { container } from "./views/container.js";
import { event } from "./views/event.js";
import { events } from "./views/events.js";
import { incident } from "./views/incident.js";
import { incidents } from "./views/incidents.js";
import { learning } from "./views/learning.js";
import { overview } from "./views/overview.js";
import { policies } from "./views/policies.js";
import { policy } from "./views/policy.js";

/*
 * A view: (main, signal, ...names of the address) fills main. It returns what it does with what
 * comes live, {event, incident}: functions, or nothing.
 */
const views = { "": overview, incidents, incident, events, event, container, learning, policies, policy };
const sections = { "": "overview", container: "overview", incident: "incidents", event: "events", policy: "policies" };

const main = document.getElementById("main");
let leaving = new AbortController();
let hear = {};

function mark(kind) {
  const section = sections[kind] ?? kind;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === section) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

async function show() {
  const [kind, ...names] = location.hash.replace(/^#\/?/, "").split("/");
  const view = views[kind] ?? overview;
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  hear = {};
  mark(kind);
  const fresh = document.createElement("div");
  fresh.className = "stack view";
  fresh.dataset.view = views[kind] && kind ? kind : "overview";
  try {
    const heard = await view(fresh, signal, ...names.map(decodeURIComponent));
    if (signal.aborted) return;
    hear = heard ?? {};
  } catch (e) {
    if (signal.aborted) return;
    fresh.replaceChildren(problem(e instanceof ApiError ? e.message
      : "lutrad does not answer. This view opens when it does."));
  }
  main.replaceChildren(fresh);
  fresh.dispatchEvent(new Event("shown"));
  document.title = `${fresh.querySelector("h1")?.textContent ?? "lutra"} · lutra`;
}

function sayState(state) {
  document.getElementById("live").classList.toggle("on", state === "live");
  document.getElementById("live-text").textContent = state;
}

document.getElementById("token-button").addEventListener("click", () => quietly(async () => {
  await post("token");
  toast("The token is right. It is used from now on, until this tab is closed.");
}));
for (const button of document.querySelectorAll("dialog .cancel"))
  button.addEventListener("click", () => button.closest("dialog").close("cancel"));
document.querySelector(".skip").addEventListener("click", (e) => {
  e.preventDefault();
  main.focus();
});
window.addEventListener("hashchange", async () => {
  askAgain();
  await show();
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
});
watchDaemon(show);
show();
follow((name, data) => hear[name === "alert" ? "event" : name]?.(data), sayState);
