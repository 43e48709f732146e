// SPDX-License-Identifier: Apache-2.0
// The page in a browser: an attack appears, its reasons are shown, a mode is switched, the container
// is frozen, thawed and released; every view is accessible, in light and dark. TAP on stdout.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { api, name, origin, token } from "./client.js";
import { browser, equal, ok, plan, require, screenshots, tell, until } from "./lib.js";

const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const me = encodeURIComponent(name);
const chromium = await browser();
const complaints = [];
const asked = new Set();

async function open(hash, options = {}) {
  const context = await chromium.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  page.on("console", (m) => m.type() === "error" && complaints.push(m.text()));
  page.on("pageerror", (e) => complaints.push(e.message));
  page.on("dialog", (d) => complaints.push(`dialog: ${d.message()}`) && d.dismiss());
  page.on("request", (r) => asked.add(new URL(r.url()).origin));
  await page.goto(`${origin}/#${hash}`);
  await page.waitForSelector(".view");
  return page;
}

async function close(page) {
  await page.context().close();
}

function attack() {
  return new Promise((resolve) => { execFile(process.env.LUTRA_ATTACK, () => resolve()); });
}

async function mine() {
  return (await api("GET", `/containers/${me}`)).body;
}

// ---- a live attack ----

const page = await open("/");
await ok("the overview shows the container under its own name", async () => {
  const text = await page.locator(".container .name b").first().textContent();
  equal(text, name, "name");
  equal(await page.locator("main img").count(), 0, "elements out of a name");
});
await ok("the stream is connected", () => page.waitForSelector("#live.on"));

await ok("a live attack appears within 200 ms of its verdict", async () => {
  await page.evaluate(() => {
    window.seen = {};
    new MutationObserver(() => {
      for (const e of document.querySelectorAll(".event[data-key]")) window.seen[e.dataset.key] ??= Date.now();
    }).observe(document.querySelector("main"), { childList: true, subtree: true });
  });
  const before = new Set(await page.locator(".event").evaluateAll((all) => all.map((e) => e.dataset.key)));
  for (let i = 0; i < 3; i++) await attack();
  const seen = await until(async () => {
    const all = Object.entries(await page.evaluate(() => window.seen)).filter(([key]) => !before.has(key));
    return all.length >= 10 ? all : null;
  });
  const late = seen.map(([key, ms]) => ms - Number(BigInt(key.split("-")[0]) / 1000000n)).sort((a, b) => a - b);
  const median = late[Math.floor(late.length / 2)];
  console.log(`# from verdict to page: median ${median} ms, longest ${late.at(-1)} ms, of ${late.length} events`);
  return median <= 200;
});

await ok("an alert says which program came and which were expected", async () => {
  const { events } = (await api("GET", `/events?limit=200&container=${me}`)).body;
  const exec = events.find((e) => e.output_fields["lutra.group"] === "exec");
  await page.goto(`${origin}/#/event/${exec.key}`);
  await page.waitForSelector(".paths .came");
  equal((await page.locator(".paths .came").textContent()).startsWith("exec /usr/bin/"), true, "came");
  if (!await page.locator(".paths li:not(.came)").count()) throw new Error("nothing was expected");
  if (!await page.locator(".step .chips .came").count()) throw new Error("no call is explained");
});

await ok("by keyboard: skip, a view, an event", async () => {
  const p = await open("/events");
  await p.waitForSelector('main [data-view="events"] .event');
  await p.keyboard.press("Tab");
  equal(await p.evaluate(() => document.activeElement.className), "skip", "first");
  await p.keyboard.press("Enter");
  equal(await p.evaluate(() => document.activeElement.id), "main", "then");
  await p.locator(".event").first().focus();
  await p.keyboard.press("Enter");
  await p.waitForSelector('main [data-view="event"] h1');
  await close(p);
});

for (const [view, row] of [["events", ".event"], ["incidents", ".incident"]]) {
  await ok(`${view} of a container that nobody knows: the list is empty, and the API's message says why`, async () => {
    const p = await open(`/${view}`);
    await p.waitForSelector(`main ${row}`);
    await p.fill("#of", "nobody");
    await p.locator("#of").blur();
    const said = await p.locator("main .problem").textContent();
    equal(said, (await api("GET", `/${view}?container=nobody`)).body.error, "message");
    equal(await p.locator(`main ${row}`).count(), 0, "rows");
    await p.fill("#of", name);
    await p.locator("#of").blur();
    await p.waitForSelector(`main ${row}`);
    equal(await p.locator("main .problem").count(), 0, "messages of a known one");
    await close(p);
  });
}

await ok("an image that is learned is shown with how far it is, what comes next and how it is ended", async () => {
  const image = "docker.io/library/nginx";
  equal(await tell(process.env.LUTRA_SOCKET, "learn", { image, runs: 5 }), 200, "learn");
  const p = await open("/learning");
  await p.waitForSelector(".learned");
  const text = await p.locator(".learned").textContent();
  for (const part of [image, "0 of 5 runs", "Use its containers as on every day.", `lutra learn --image ${image} --stop`])
    if (!text.includes(part)) throw new Error(`${part}: ${text}`);
  equal(await p.locator(".learned [role=meter]").getAttribute("aria-valuenow"), "0", "progress");
  await close(p);
});

// ---- each view ----

/* An event of the incident: what came again a while later belongs to none. */
const incident = (await api("GET", "/incidents?limit=1")).body.incidents[0].id;
const shown = (await api("GET", `/incidents/${incident}`)).body.events_shown.find((e) => e.output_fields["lutra.group"] === "exec");
const views = { overview: "/", incidents: "/incidents", incident: `/incident/${incident}`, container: `/container/${me}`, events: "/events", event: `/event/${shown.key}`, learning: "/learning", policies: "/policies", policy: "/policy/notes" };
const sizes = { "": { width: 1280, height: 900 }, "-phone": { width: 390, height: 844 } };

/* The policy that keeps foreign scripts out keeps axe out too: for these pages it is off. */
async function look(view, scheme, size) {
  const p = await open(views[view], { colorScheme: scheme, viewport: sizes[size], bypassCSP: true, reducedMotion: "reduce" });
  await p.waitForSelector(`main [data-view="${view}"]`);
  await p.waitForFunction(() => [...document.querySelectorAll(".chart")].every((c) => c.querySelector("canvas")));
  for (const d of await p.locator(".view details").all()) await d.evaluate((e) => { e.open = true; });
  equal(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, "fits the screen's width");
  await p.evaluate(axe);
  const { violations } = await p.evaluate(() => window.axe.run());
  const serious = violations.filter((v) => ["serious", "critical"].includes(v.impact));
  await p.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = false; }));
  await p.screenshot({ path: `${screenshots}/${view}-${scheme}${size}.png`, fullPage: true });
  if (process.env.LUTRA_PICTURES && !size) await p.screenshot({ path: `${process.env.LUTRA_PICTURES}/${scheme}/${view}.png` });
  await close(p);
  if (serious.length) throw new Error(serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).slice(0, 3).join(" ")}`).join("\n"));
}

for (const view of Object.keys(views)) {
  await ok(`${view}: no serious fault of accessibility, in light and dark and on a phone`, () =>
    Promise.all([look(view, "light", ""), look(view, "dark", ""), look(view, "light", "-phone")]));
}

await ok("a policy says what differs from the version before", async () => {
  const p = await open("/policy/notes");
  const diff = p.locator("section", { has: p.getByRole("heading", { name: "Since the version before" }) });
  equal((await diff.locator("dl").first().textContent()).replace(/\s+/g, " "), "bindlog → deny", "rules");
  await close(p);
});

// ---- an incident ----

await ok("an attack is an incident in the first view, with its container and rules, and leads to its findings", async () => {
  const p = await open("/");
  const row = p.locator("#incidents .incident").first();
  for (const part of [name, "Rule ", "lutra incidents show"])
    if (!(await row.textContent()).includes(part)) throw new Error(`${part}: ${await row.textContent()}`);
  await row.locator(".sentence").click();
  await p.waitForSelector('main [data-view="incident"] .finding');
  for (const selector of [".tree .process", ".event", ".danger", "#note"]) await p.waitForSelector(`main [data-view="incident"] ${selector}`);
  await close(p);
});

await ok("an event names its incident, and the events before and after it", async () => {
  const p = await open(`/event/${shown.key}`);
  await p.waitForSelector(".around .event[aria-current]");
  await p.getByRole("link", { name: "Open the incident" }).click();
  await p.waitForSelector('main [data-view="incident"] h1');
  await close(p);
});

// ---- what can be done ----

await ok("a mode is switched, once the right token is given; a wrong one is said to be wrong", async () => {
  await page.goto(`${origin}/#/container/${me}`);
  await page.waitForSelector("#mode");
  await page.selectOption("#mode", "kill");
  await page.waitForSelector("#token-dialog[open]");
  const why = () => page.locator("#token-why").textContent();
  equal(await why(), `this needs the token in ${process.env.LUTRA_TOKEN_FILE}: Authorization: Bearer TOKEN`, "at first");
  await page.fill("#token-input", "0123456789abcdef0123456789abcdef");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.getElementById("token-why").textContent.startsWith("the token is wrong"));
  equal(await why(), `the token is wrong: it is the line in ${process.env.LUTRA_TOKEN_FILE}`, "then");
  equal((await mine()).mode, "audit", "mode");
  await page.fill("#token-input", token);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.getElementById("mode-now").textContent === "kill");
  equal((await mine()).mode, "kill", "mode");
});

await ok("an incident is closed with a note, and opened again", async () => {
  await page.goto(`${origin}/#/incident/${incident}`);
  await page.waitForSelector("#note");
  await page.fill("#note", "a test");
  await page.getByRole("button", { name: "Close the incident" }).click();
  await page.getByRole("button", { name: "Open it again" }).waitFor();
  const stored = (state) => until(async () => {
    const i = (await api("GET", `/incidents/${incident}`)).body;
    return i.state === state && i.note === "a test";
  });
  await stored("closed");
  await page.getByRole("button", { name: "Open it again" }).click();
  await page.getByRole("button", { name: "Close the incident" }).waitFor();
  await stored("open");
  await page.goto(`${origin}/#/container/${me}`);
  await page.waitForSelector("#mode");
});

await ok("a finding is accepted by a button, with a reason; its policy shows that, and it is revoked there", async () => {
  await page.goto(`${origin}/#/incident/${incident}`);
  await page.getByRole("button", { name: "This is fine…" }).first().click();
  await page.waitForSelector(".reading button");
  await page.getByLabel("Reason").fill("the test does this");
  await page.locator(".reading button").first().click();
  const accepted = page.locator(".finding .badge.good").first();
  await accepted.or(page.locator("#ask-dialog[open]")).waitFor();
  if (await page.locator("#ask-dialog[open]").count()) await page.locator("#ask-ok").click();
  await accepted.waitFor();
  const entries = async () => (await api("GET", "/policies/notes/accepted")).body.entries;
  equal((await entries()).map((e) => e.reason).join(), "the test does this", "what is accepted");
  await page.goto(`${origin}/#/policy/notes`);
  await page.getByText("the test does this").waitFor();
  await page.getByRole("button", { name: "Revoke" }).click();
  await until(async () => (await entries()).length === 0);
  await page.goto(`${origin}/#/container/${me}`);
  await page.waitForSelector("#mode");
});

await ok("the button that kills is red", async () => {
  const colour = await page.getByRole("button", { name: "Kill all processes" }).evaluate((e) => getComputedStyle(e).backgroundColor);
  equal(colour, "rgb(179, 38, 30)", "colour");
});

await ok("it is frozen, and goes on", async () => {
  for (const [button, frozen] of [["Freeze", true], ["Thaw", false]]) {
    await page.getByRole("button", { name: button, exact: true }).click();
    await until(async () => (await mine()).frozen === frozen);
  }
});

await ok("it is released, after a question", async () => {
  await page.getByRole("button", { name: "Release", exact: true }).click();
  await page.waitForSelector("#ask-dialog[open]");
  await page.keyboard.press("Escape");
  equal((await mine()).name, name, "not yet");
  await page.getByRole("button", { name: "Release", exact: true }).click();
  await page.locator("#ask-ok").click();
  await page.waitForSelector('main [data-view="overview"]');
  equal((await api("GET", "/containers")).body.total, 0, "containers");
});

await ok("once released it is listed as ended, and its page stays with its events", async () => {
  await page.waitForSelector(".ended:not([hidden])");
  await page.locator(".ended summary").click();
  await page.locator(".ended a").first().click();
  await page.waitForSelector('main [data-view="container"] .event');
  equal(await page.locator("h1").textContent(), name, "name");
  equal(await page.locator("#mode").count(), 0, "what can be done about it");
});

await ok("nothing was asked of any other server", () => equal([...asked].join(), origin, "origins"));
await ok("the browser had nothing to complain about", () => {
  const others = complaints.filter((c) => !/status of 40[01]/.test(c));
  equal(others.length, 0, others.join("; "));
});
await chromium.close();
plan();
