// SPDX-License-Identifier: Apache-2.0
// What the web tests share: packages out of build/web, TAP lines, waiting, a browser.
import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";
import { request } from "node:http";

export const root = new URL("../../", import.meta.url).pathname;
export const require = createRequire(`${root}build/web/`);

let tests = 0;
let broken = 0;

/* ok(name, work): one TAP line; false or an exception is a failure. */
export async function ok(name, work) {
  tests++;
  try {
    const good = await work();
    if (good === false) throw new Error("it is not so");
    console.log(`ok ${tests} - ${name}`);
  } catch (e) {
    broken++;
    console.log(`not ok ${tests} - ${name}`);
    console.log(String(e.stack ?? e).split("\n").slice(0, 12).map((l) => `# ${l}`).join("\n"));
  }
}

export function plan() {
  console.log(`1..${tests}`);
  process.exitCode = broken ? 1 : 0;
}

export async function until(isSo, ms = 20000) {
  for (const end = Date.now() + ms; ;) {
    const value = await isSo();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function equal(a, b, what = "") {
  if (a !== b) throw new Error(`${what}: ${JSON.stringify(a)} is not ${JSON.stringify(b)}`);
}

/* A POST over the Unix socket of lutrad; resolves to the status. */
export function tell(socketPath, path, body) {
  return new Promise((resolve, reject) => {
    const q = request({ socketPath, method: "POST", path: `/api/v1/${path}` }, (r) => {
      r.resume();
      r.on("end", () => resolve(r.statusCode));
    });
    q.on("error", reject);
    q.end(JSON.stringify(body));
  });
}

export const screenshots = `${root}build/screenshots`;

/* Debian's chromium, headless; the sandbox is not for root. */
export async function browser() {
  mkdirSync(screenshots, { recursive: true });
  const { chromium } = require("playwright-core");
  return chromium.launch({
    executablePath: process.env.LUTRA_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
}
