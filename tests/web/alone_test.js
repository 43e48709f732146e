// SPDX-License-Identifier: Apache-2.0
// The page of a lutrad of its own: what it says while nothing is guarded, of a container without a
// policy, and while lutrad does not answer. TAP on stdout.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { browser, equal, ok, plan, root, tell, until } from "./lib.js";

const stage = `${process.env.LUTRA_ALONE_DIR}`;
const cgroup = process.env.LUTRA_ALONE_CGROUP;
const pins = process.env.LUTRA_ALONE_PINS;
const lutrad = `${root}build/bin/lutrad`;
const config = `${stage}/config.json`;
const PATIENCE = 300000; // machines are slow
let daemon = null;
let port = 0;
let log = "";

function configure(pinDir) {
  writeFileSync(config, JSON.stringify({
    socket: `${stage}/lutrad.sock`, state_dir: stage, policies_dir: `${stage}/policies`, pin_dir: pinDir,
    engines: [], bundles: [], http: { listen: `127.0.0.1:${port}`, read_without_token: true },
  }));
}

async function start(pinDir) {
  configure(pinDir);
  log = "";
  daemon = spawn(lutrad, ["--config", config], { stdio: ["ignore", "ignore", "pipe"] });
  daemon.stderr.on("data", (text) => { log += text; });
  const said = await until(() => / port (\d+)/.exec(log) ?? (daemon.exitCode !== null ? [log, ""] : null), PATIENCE);
  port = Number(said[1]);
  if (!port) throw new Error(log);
}

async function stop() {
  const ended = new Promise((resolve) => { daemon.once("exit", resolve); });
  daemon.kill("SIGTERM");
  await ended;
}

process.on("exit", () => daemon?.kill("SIGKILL"));
mkdirSync(`${stage}/policies`, { recursive: true });
await start(null);
const chromium = await browser();
const page = await chromium.newPage({ viewport: { width: 1280, height: 900 } });
page.setDefaultTimeout(PATIENCE);
const at = async (hash) => {
  await page.goto("about:blank");
  await page.goto(`http://127.0.0.1:${port}/#${hash}`);
  await page.waitForSelector(".view");
};

// ---- nothing yet ----

const docs = readdirSync(`${root}docs`).filter((f) => f.endsWith(".md")).map((f) => readFileSync(`${root}docs/${f}`, "utf8")).join("\n");
for (const hash of ["/", "/incidents", "/events", "/learning", "/policies"]) {
  await ok(`${hash}: where there is nothing, it names a command that the docs name`, async () => {
    await at(hash);
    const commands = await page.locator(".empty:visible .command").allTextContents();
    if (!commands.length) throw new Error("no command");
    for (const c of commands) {
      const words = c.replace(/ IMAGE$/, "").replace(/ NAME$/, "");
      if (!docs.includes(words)) throw new Error(`${c} is not in the docs`);
    }
  });
}

// ---- one event that was refused ----

/* What of it is below the first view, or wider than it. A list that is drawn anew has no box for a moment. */
async function outside(locator, { width, height }) {
  const box = await until(() => locator.boundingBox(), PATIENCE);
  return box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height ? null : JSON.stringify(box);
}

await ok("of a refused event, the rule, the container and the next command are in the first view, also on a phone", async () => {
  await stop();
  execFileSync(process.env.LUTRA_ALERTS, ["1", "1", `${stage}/events.db`], { stdio: "ignore" });
  await start(null);
  for (const size of [{ width: 1280, height: 900 }, { width: 390, height: 844 }]) {
    await page.setViewportSize(size);
    await at("/");
    const row = page.locator("#incidents .incident.deny").first();
    await row.waitFor();
    for (const part of [row.getByText("1 refused"), row.getByText("Program never executed in training"),
      row.locator(".where a", { hasText: "shop-" }), row.locator(".command", { hasText: "lutra incidents show 1" })]) {
      const wrong = await outside(part, size);
      if (wrong) throw new Error(`${size.width}: ${part}: ${wrong}`);
    }
    equal(await page.locator("h1").textContent(), "1 open incident", "the first line");
  }
  await page.setViewportSize({ width: 1280, height: 900 });
});

// ---- a container without a policy ----

const id = "5e".repeat(32);
const inside = `${cgroup}/docker-${id}.scope`;

await ok("a container without a policy comes before those with one, with the command that learns it", async () => {
  mkdirSync(inside);
  const sleeper = spawn("sleep", ["1000"], { stdio: "ignore" });
  writeFileSync(`${inside}/cgroup.procs`, String(sleeper.pid));
  try {
    equal(await tell(`${stage}/lutrad.sock`, "hook", { event: "start", pid: sleeper.pid, who: {
      engine: "docker", id, name: "shop", image: "registry.example/shop'; reboot #:1" } }), 200, "the hook's answer");
    await at("/");
    await page.waitForSelector("#unguarded:not([hidden])");
    const text = await page.locator("#unguarded").textContent();
    if (!text.includes("1 container runs without a guard") || !text.includes("shop")) throw new Error(text);
    equal(await page.locator("#unguarded .command").textContent(),
      "lutra learn --image 'registry.example/shop'\\''; reboot #:1'", "a hostile name is quoted");
    const order = await page.locator(".view > section").evaluateAll((all) => all.findIndex((s) => s.id === "unguarded"));
    equal(order, 1, "its place, behind incidents");
  } finally {
    const ended = new Promise((resolve) => { sleeper.once("exit", resolve); });
    sleeper.kill("SIGKILL");
    await ended;
    await until(() => { try { rmdirSync(inside); return true; } catch { return false; } });
  }
  await page.waitForSelector("#unguarded", { state: "hidden" });
});

// ---- what was accepted ----

function setByHand(...what) {
  execFileSync(`${root}build/bin/lutra`, ["policy", "set", "notes", "--config", config, ...what], { stdio: "ignore" });
}

await ok("a policy is shown also when what was accepted for it is damaged, with what to do", async () => {
  cpSync(process.env.LUTRA_ALONE_POLICY, `${stage}/policies/notes`, { recursive: true });
  writeFileSync(`${stage}/policies/notes/accepted.json`, "{");
  await at("/policy/notes");
  await page.getByText("Calls and kinds of objects it knows").waitFor();
  const text = await page.locator(".problem").first().textContent();
  for (const part of ["accepted.json", "remove"])
    if (!text.includes(part)) throw new Error(text);
});

await ok("what a person set by hand is among what differs from the version before", async () => {
  rmSync(`${stage}/policies/notes/accepted.json`);
  setByHand("--varies", "/srv/reports");
  await at("/policy/notes");
  await page.locator("section", { hasText: "Since the version before" }).getByText("+ new names in /srv/reports only alert").waitFor();
});

// ---- lutrad does not answer ----

async function goneAndBack(pinDir, guarding) {
  await stop();
  await page.waitForSelector("#gone:not([hidden])");
  const text = await page.locator("#gone").textContent();
  for (const part of ["lutrad does not answer.", guarding, "What you see is ", " old: of "])
    if (!text.includes(part)) throw new Error(`${part}: ${text}`);
  await page.waitForSelector("main .view h1"); // what was seen is still there
  await start(pinDir);
  await page.waitForSelector("#gone", { state: "hidden" });
  await page.waitForSelector("#live.on");
}

await ok("while lutrad does not answer, a banner has the data's age, and says that nothing is guarded without pins", async () => {
  await at("/");
  await page.waitForSelector("#live.on");
  await goneAndBack(pins, "Nothing is guarded");
});

await ok("with pins it says that guarding goes on", async () => {
  await at("/");
  await page.waitForSelector("#live.on");
  await goneAndBack(null, "Guarding goes on");
});

await chromium.close();
await stop();
daemon = null;
configure(pins);
execFileSync(lutrad, ["--config", config, "--uninstall"], { stdio: "ignore" });
plan();
