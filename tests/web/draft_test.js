// SPDX-License-Identifier: Apache-2.0
// Where policies must be signed: the page, which has no key, makes a draft; the command that the page names
// puts the draft in force; the page shows it as accepted. TAP on stdout.
import { execFileSync } from "node:child_process";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { api, name, origin, token } from "./client.js";
import { browser, equal, ok, plan, root, until } from "./lib.js";

const config = process.env.LUTRA_CONFIG;
const key = `${config}.key`;
const chromium = await browser();
const page = await chromium.newPage({ viewport: { width: 1280, height: 900 } });
page.setDefaultTimeout(60000);

const lutra = (...words) => execFileSync(`${root}build/bin/lutra`, [...words, "--config", config], { encoding: "utf8" });
const accepted = async () => (await api("GET", "/policies/notes/accepted")).body;

async function setKeys(keys) {
  const all = { ...JSON.parse(readFileSync(config, "utf8")), policy_keys: keys };
  writeFileSync(`${config}.new`, JSON.stringify(all));
  renameSync(`${config}.new`, config);
}

/* lutrad reads its configuration again; is is then so of the finding's readings. */
async function reload(finding, isSigned) {
  process.kill(Number(process.env.LUTRA_DAEMON), "SIGHUP");
  await until(async () => (await api("GET", `/findings/${finding}/readings`)).body.signed === isSigned);
}

/* Presses the button of the narrowest reading; answers what it asks. */
async function acceptOnPage(item) {
  await item.getByRole("button", { name: "This is fine…" }).click();
  await item.locator(".reading button").first().waitFor();
  if (!(await item.locator(".readings").textContent()).includes("Policies must be signed here."))
    throw new Error(await item.textContent());
  await item.getByLabel("Reason").fill("signed by hand");
  await item.locator(".reading button").first().click();
  const command = item.locator(".readings .command");
  for (;;) {
    await command.or(page.locator("#ask-dialog[open]")).or(page.locator("#token-dialog[open]")).first().waitFor();
    if (await command.count()) return command.textContent();
    if (await page.locator("#token-dialog[open]").count()) {
      await page.fill("#token-input", token);
      await page.keyboard.press("Enter");
      await page.waitForSelector("#token-dialog", { state: "hidden" });
    } else {
      await page.locator("#ask-ok").click();
      await page.waitForSelector("#ask-dialog", { state: "hidden" });
    }
  }
}

const incident = (await api("GET", `/incidents?limit=1&container=${encodeURIComponent(name)}`)).body.incidents[0].id;
const { findings } = (await api("GET", `/incidents/${incident}`)).body;
const finding = findings.find((f) => f.state === "new").id;
const state = async () => (await api("GET", `/findings/${finding}`)).body.state;
const onPage = page.locator(`.finding[data-id="${finding}"]`);
let command = "";

lutra("policy", "keygen", key);
await setKeys([readFileSync(`${key}.pub`, "utf8").trim()]);
lutra("policy", "sign", "notes", "--key", key);
await reload(finding, true);

await ok("where policies must be signed, a button of the page makes a draft and names the command for it", async () => {
  await page.goto(`${origin}/#/incident/${incident}`);
  await onPage.waitFor();
  command = await acceptOnPage(onPage);
  const { drafts, entries } = await accepted();
  equal(drafts.map((d) => d.reason).join(), "signed by hand", "drafts");
  equal(entries.length, 0, "entries");
  equal(command, `lutra policy accept --draft ${drafts[0].id} --key KEY`, "command");
});

await ok("a draft is not in force, and is shown with the policy as a draft", async () => {
  equal(await state(), "new", "the finding");
  const p = await chromium.newPage();
  await p.goto(`${origin}/#/policy/notes`);
  await p.locator(".finding .badge", { hasText: "draft" }).waitFor();
  equal(await p.locator(".finding .command").textContent(), command, "command");
  equal(await p.getByRole("button", { name: "Revoke" }).count(), 0, "buttons that revoke");
  await p.close();
});

await ok("the command puts it in force, and the pages that are open show it as accepted", async () => {
  const p = await chromium.newPage();
  await p.goto(`${origin}/#/policy/notes`);
  await p.locator(".finding .command").waitFor();
  lutra(...command.split(" ").slice(1).map((word) => (word === "KEY" ? key : word)));
  await onPage.locator(".badge.good", { hasText: "accepted" }).waitFor();
  await p.getByRole("button", { name: "Revoke" }).waitFor();
  equal(await p.locator(".finding .command").count(), 0, "drafts on the page");
  await p.close();
  const { drafts, entries } = await accepted();
  equal(drafts.length, 0, "drafts");
  equal(entries.map((e) => e.reason).join(), "signed by hand", "entries");
  const { containers } = (await api("GET", "/containers")).body;
  equal(containers[0].policy_error, null, "the policy's error");
  equal(await state(), "accepted", "the finding");
});

await ok("the page cannot revoke what is signed, and says what is needed", async () => {
  await page.goto(`${origin}/#/policy/notes`);
  await page.getByRole("button", { name: "Revoke" }).click();
  await page.getByText("what is accepted must be signed").waitFor();
  equal((await accepted()).entries.length, 1, "entries");
});

/* As it was, for the tests after this one. */
lutra("policy", "revoke", (await accepted()).entries[0].id, "--key", key);
await setKeys([]);
await reload(finding, false);
await until(async () => await state() === "new");
await chromium.close();
plan();
