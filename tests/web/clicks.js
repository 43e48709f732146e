// SPDX-License-Identifier: Apache-2.0
// How long the page takes to answer a click, of many containers and events: from the click until
// what it leads to is drawn. TAP on stdout.
import { api, origin } from "./client.js";
import { browser, ok, plan } from "./lib.js";

const ROUNDS = 7;
const limit = Number(process.env.LUTRA_CLICK_MS ?? 100);
const chromium = await browser();
const page = await chromium.newPage({ viewport: { width: 1280, height: 900 } });

/* In the page: does what, waits until there is what was not there before, and for the frame with it. */
async function time([what, selector, text]) {
  const target = document.querySelector(what);
  const before = document.querySelector(selector);
  const isThere = () => {
    const now = document.querySelector(selector);
    return now && now !== before;
  };
  const begin = performance.now();
  if (text === null) target.click();
  else {
    target.value = text;
    target.dispatchEvent(new Event("input", { bubbles: true }));
    target.dispatchEvent(new Event("change", { bubbles: true }));
  }
  await new Promise((resolve) => {
    const observer = new MutationObserver(() => isThere() && (observer.disconnect(), resolve()));
    observer.observe(document.querySelector("main"), { childList: true, subtree: true });
  });
  await new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); });
  return performance.now() - begin;
}

async function at(hash, selector) {
  await page.goto("about:blank");
  await page.goto(`${origin}/#${hash}`);
  await page.waitForSelector(selector);
}

async function clicks(name, hash, ready, [what, selector, text = null]) {
  await ok(`${name}: answered within ${limit} ms`, async () => {
    const times = [];
    for (let i = 0; i < ROUNDS; i++) {
      await at(hash, ready);
      times.push(await page.evaluate(time, [what, selector, text]));
    }
    times.sort((a, b) => a - b);
    const median = times[ROUNDS >> 1];
    console.log(`# ${name}: median ${median.toFixed(0)} ms, longest ${times.at(-1).toFixed(0)} ms`);
    return median <= limit;
  });
}

const { total } = (await api("GET", "/containers?limit=1")).body;
const { store } = (await api("GET", "/status")).body;
console.log(`# ${total} containers`);
const list = ".containers .container";
await clicks("a container", "/", list, [list, 'main [data-view="container"] h1']);
await clicks("the first view", "/events", ".event", ['nav [data-view="overview"]', "#incidents .incident"]);
await clicks("incidents", "/", list, ['nav [data-view="incidents"]', 'main [data-view="incidents"] .incident']);
await clicks("an incident", "/incidents", ".incident", [".incident .sentence", 'main [data-view="incident"] .finding']);
await clicks("containers by name", "/", list, ["#filter", list, "c99"]);
await clicks("all events", "/", list, ['nav [data-view="events"]', 'main [data-view="events"] .event']);
await clicks("denied ones", "/events", ".event", ["#verdict", ".event", "deny"]);
await clicks("those of a container", "/events", ".event", ["#of", ".event", "shop-7"]);
await clicks("older events", "/events", ".event", ["main section > .row:last-child button", ".list > li:nth-child(51)"]);
await clicks("an event", "/events", ".event", [".event", 'main [data-view="event"] h1']);
await clicks("a policy", "/policies", "main h2 a", ["main h2 a", 'main [data-view="policy"] h1']);
if (!store.open) await ok("the store is open", () => false);
await chromium.close();
plan();
