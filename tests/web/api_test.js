// SPDX-License-Identifier: Apache-2.0
// The HTTP API: as it is described, and for nobody who may not. TAP on stdout.
import { get as httpGet } from "node:http";
import { api, bearer, change, name, origin, port, send } from "./client.js";
import { fuzz } from "./fuzz.js";
import { equal, ok, plan, require, until } from "./lib.js";
import { checkAnswer, description, pathOf } from "./schema.js";

const me = encodeURIComponent(name);

async function get(path) {
  const r = await api("GET", path);
  checkAnswer(path, "GET", r.status, r.body);
  return r;
}

async function refused(status, r, path, method = "POST") {
  equal(r.status, status, path);
  checkAnswer(path, method, r.status, r.body);
}

const posts = Object.entries(description.paths).filter(([, ops]) => ops.post)
  .map(([p]) => p.replace("{name}", p.startsWith("/policies") ? "notes" : me));

await ok("the description is OpenAPI 3.1", async () => {
  const { Validator } = await import(require.resolve("@seriousme/openapi-schema-validator"));
  const result = await new Validator().validate(structuredClone(description));
  if (!result.valid) throw new Error(JSON.stringify(result.errors).slice(0, 1000));
  equal((await send("GET", "/api/v1/openapi.json")).text, JSON.stringify(description, null, 1) + "\n", "served");
});

const { body: { events } } = await api("GET", "/events?limit=200");

for (const path of ["/status", "/status/full", "/overview", "/learn", "/verdicts", "/verdicts?minutes=1440", "/rules", "/containers", "/containers?q=no-such", `/containers/${me}`,
  `/containers/${me}/processes`, "/events", "/events?limit=1&verdict=alert", `/events/${events[0].key}`, "/policies",
  "/policies/notes", "/policies/notes/diff", "/policies/notes/accepted"])
  await ok(`GET ${path} is as described`, async () => equal((await get(path)).status, 200, path));

for (const path of ["/events?limit=0", "/events?limit=x", "/events?before=1", "/events?since=-1", "/events/1", "/events?container=none", "/verdicts?minutes=9999",
  "/containers?limit=201", "/containers?offset=99999", "/policies/.."])
  await ok(`GET ${path} is refused as described`, async () => {
    const r = await api("GET", path);
    if (![400, 404].includes(r.status)) throw new Error(String(r.status));
    if (pathOf(path)) checkAnswer(path, "GET", r.status, r.body);
  });

for (const path of ["/containers/none", "/containers/none/processes", "/events/1-1", "/policies/none", "/nothing"])
  await ok(`GET ${path} is not there`, async () => equal((await api("GET", path)).status, 404, path));

await ok("pages of events lie one behind the other, none twice", async () => {
  const keys = [];
  for (let next = ""; next !== null;) {
    const r = await get(`/events?limit=5${next ? `&before=${next}` : ""}`);
    keys.push(...r.body.events.map((e) => e.key));
    next = r.body.next;
  }
  equal(keys.length, events.length, "events");
  equal(keys.join(), events.map((e) => e.key).join(), "their order");
});

await ok("events are chosen by verdict and time", async () => {
  const alerts = (await get("/events?limit=200&verdict=alert")).body.events;
  equal(alerts.length, events.filter((e) => e.output_fields["lutra.verdict"] === "alert").length, "alerts");
  const at = events.at(-1).at;
  const first = (await get(`/events?until=${at}`)).body.events;
  if (!first.length || first.some((e) => BigInt(e.at) > BigInt(at))) throw new Error("later ones");
});

await ok("an event says what was expected", async () => {
  const execs = events.filter((e) => e.output_fields["lutra.group"] === "exec");
  const { body } = await get(`/events/${execs[0].key}`);
  if (!body.why.objects.length || !body.why.calls.length) throw new Error(JSON.stringify(body.why));
});

// ---- who may ----

for (const path of posts) {
  await ok(`POST ${path} needs the token`, async () => {
    await refused(401, await change(path, {}, {}), path);
    await refused(401, await change(path, {}, { Authorization: "Bearer 0123456789abcdef0123456789abcdef" }), path);
  });
  await ok(`POST ${path} is not for pages of others`, async () => {
    await refused(403, await change(path, {}, { ...bearer, Origin: "https://example.com" }), path);
    await refused(403, await change(path, {}, { ...bearer, Origin: "null" }), path);
    await refused(403, await change(path, {}, { ...bearer, "Sec-Fetch-Site": "cross-site" }), path);
  });
}

for (const path of ["/enroll", "/release", "/hook", "/learn", "/learn/stop", "/learn/drop", "/learn/forget"])
  await ok(`POST ${path} is for the Unix socket alone`, async () => refused(403, await change(path, {}), path));

await ok("another Host is refused", async () => {
  for (const host of ["example.com", `example.com:${port}`, "127.0.0.1:65536", `localhost.example.com:${port}`])
    if (![400, 403].includes((await api("GET", "/status", { headers: { Host: host } })).status)) throw new Error(host);
});

await ok("the port of a tunnel is no other Host", async () => {
  for (const host of ["127.0.0.1:1", "localhost:8080"])
    if ((await api("GET", "/status", { headers: { Host: host } })).status !== 200) throw new Error(host);
});

await ok("no file outside the page is served", async () => {
  for (const path of ["/../../etc/passwd", "/js/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/js/..%2f..%2fetc/passwd", "//etc/passwd",
    "/js/%00", "/api/v1/policies/..%2f..%2fetc", "/api/v1/policies/%2e%2e/diff", "/style/..\\..\\etc\\passwd"]) {
    const r = await send("GET", path);
    if (r.status < 400 || r.status >= 500 || r.text.includes("root:")) throw new Error(`${path}: ${r.status}`);
  }
});

await ok("the page may load from this server alone, and nothing inline", async () => {
  const csp = (await send("GET", "/")).headers["content-security-policy"];
  for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"])
    if (!csp.includes(part)) throw new Error(csp);
  if (csp.includes("unsafe")) throw new Error(csp);
});

// ---- changes ----

await ok("a mode is switched, and back", async () => {
  for (const mode of ["kill", "audit"]) {
    const r = await change(`/containers/${me}/mode`, { mode, force: true });
    checkAnswer(`/containers/${me}/mode`, "POST", r.status, r.body);
    equal(r.body.mode, mode, "mode");
  }
});

await ok("frozen, and thawed", async () => {
  for (const [what, frozen] of [["freeze", true], ["thaw", false]]) {
    const r = await change(`/containers/${me}/${what}`, {});
    checkAnswer(`/containers/${me}/${what}`, "POST", r.status, r.body);
    equal(r.body.frozen, frozen, what);
  }
});

await ok("a change that is not as described changes nothing", async () => {
  const path = `/containers/${me}/mode`;
  for (const body of [{}, { mode: "shout" }, { mode: "learn" }, { mode: 1 }, { mode: "kill", more: 1 }, { mode: "kill", force: "yes" }, []])
    await refused(400, await change(path, body), path);
  await refused(400, await api("POST", path, { headers: bearer, body: "{" }), path);
  await refused(400, await change(path, { mode: "kill", force: false, "x": "y".repeat(5000) }), path);
  equal((await get(`/containers/${me}`)).body.mode, "audit", "mode");
});

// ---- bounds ----

await ok("a body that is too large is refused", async () => {
  const r = await api("POST", `/containers/${me}/mode`, { headers: bearer, body: "x".repeat(1 << 20) });
  if (![0, 413].includes(r.status)) throw new Error(String(r.status));
  const head = await api("GET", "/status", { headers: { "X-Long": "x".repeat(1 << 15) } });
  if (![0, 413, 431, 400].includes(head.status)) throw new Error(String(head.status));
});

await ok("so many follow, and no more", async () => {
  const open = [];
  const follow = () => new Promise((resolve, reject) => {
    open.push(httpGet(`${origin}/api/v1/stream`, { agent: false }, resolve).on("error", reject));
  });
  const answers = [];
  for (let i = 0; i < 17; i++) answers.push((await follow()).statusCode);
  open.forEach((q) => q.on("error", () => {}).destroy());
  equal(answers.slice(0, 16).every((s) => s === 200), true, "sixteen");
  equal(answers[16], 503, "the seventeenth");
  await until(async () => {
    const r = await follow();
    open.at(-1).on("error", () => {}).destroy();
    return r.statusCode === 200;
  });
});

await ok("bad requests get a described answer, and the daemon lives", () => fuzz(Number(process.env.LUTRA_FUZZ ?? 1500)));
await ok("it guards as before", async () => equal((await get(`/containers/${me}`)).body.mode, "audit", "mode"));
plan();
