// SPDX-License-Identifier: Apache-2.0
// Bad requests, made of good pieces and of rubbish, the same ones each time.
import { api, bearer, name, send } from "./client.js";
import { checkAnswer, description, pathOf } from "./schema.js";

let state = 88172645463325252n;

function random(n) {
  state ^= (state << 13n) & 0xffffffffffffffffn;
  state ^= state >> 7n;
  state ^= (state << 17n) & 0xffffffffffffffffn;
  return Number(state % BigInt(n));
}

const pick = (list) => list[random(list.length)];

function rubbish() {
  const kinds = [
    () => "%", () => "%zz", () => "%00", () => "%ff%fe", () => "..", () => "%2e%2e%2f", () => "-1", () => "0", () => "",
    () => "9".repeat(1 + random(40)), () => "'; DROP TABLE events; --", () => "a".repeat(random(3000)),
    () => "<script>", () => "%F0%9F%A6%A6", () => "1.1", () => "1-1", () => "18446744073709551616",
    () => Array.from({ length: random(30) }, () => `%${random(256).toString(16).padStart(2, "0")}`).join(""),
  ];
  return pick(kinds)();
}

// Changes that would be carried out are not asked for: what is fuzzed is what is refused.
const names = () => pick([encodeURIComponent(name), "none", "notes", rubbish()]);
const queries = ["limit", "offset", "q", "before", "since", "until", "container", "image", "verdict", "minutes", "x"];

function path() {
  const base = pick(Object.keys(description.paths).filter((p) => p !== "/stream" && p !== "/openapi.json"))
    .replace(/\{[a-z]+\}/, names);
  const other = `/${rubbish()}/${rubbish()}`;
  const query = Array.from({ length: random(4) }, () => `${pick(queries)}=${rubbish().replaceAll("#", "")}`).join("&");
  return ((random(6) ? base : other) + (query ? `?${query}` : "")).replaceAll(/[^\x21-\x7e]/g, "");
}

function body() {
  const bodies = ["", "{", "[]", "null", '{"mode":"none"}', '{"mode":"audit","mode":"kill"}', '{"mode":null}', '"x"', '{"force":true}',
    '{"mode":"kill","x":1}', "[".repeat(2000), `{"mode":"${"x".repeat(random(6000))}"}`, "\u0000\u0001", "\ud800"];
  return pick(bodies);
}

function headers() {
  const all = [{}, bearer, bearer, { Authorization: rubbish().replaceAll(/[^\x20-\x7e]/g, "") }, { ...bearer, Origin: "null" },
    { ...bearer, "Sec-Fetch-Site": "cross-site" }, { ...bearer, "Content-Type": "text/plain" }];
  return pick(all);
}

/* Would this one be carried out? An empty body is enough for all but a mode. */
function isGood(method, where, text) {
  return method === "POST" && /\/(release|thaw|freeze|kill)$/.test(where.split("?")[0]) && text === "";
}

export async function fuzz(n) {
  const statuses = {};
  for (let i = 0; i < n; i++) {
    const method = pick(["GET", "GET", "GET", "POST", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]);
    const where = path();
    const text = method === "GET" || method === "HEAD" ? undefined : body();
    if (isGood(method, where, text)) continue;
    const r = await api(method, where, { headers: headers(), body: text });
    statuses[r.status] = (statuses[r.status] ?? 0) + 1;
    if (r.status >= 500) throw new Error(`${method} ${where}: ${r.status} ${r.text}`);
    const known = pathOf(where) && description.paths[pathOf(where)][method.toLowerCase()];
    // An empty name makes another path of it: /containers//thaw is the container "/thaw", which has GET alone.
    if (r.status === 405) continue;
    // What is not HTTP, libmicrohttpd refuses itself, in its own words.
    if (known && r.body) checkAnswer(where, method, r.status, r.body);
  }
  console.log(`# ${n} bad requests: ${Object.entries(statuses).map(([s, k]) => `${k} times ${s}`).join(", ")}`);
  const { status } = await send("GET", "/healthz");
  if (status !== 200) throw new Error(`healthz: ${status}`);
}
