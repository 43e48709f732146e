// SPDX-License-Identifier: Apache-2.0
// The API's answers against its description.
import { readFileSync } from "node:fs";
import { require, root } from "./lib.js";

export const description = JSON.parse(readFileSync(`${root}web/openapi.json`, "utf8"));

const Ajv = require("ajv/dist/2020").default;
const ajv = new Ajv({ strict: false, allErrors: true });
require("ajv-formats").default(ajv);
ajv.addSchema({ $id: "api", components: description.components });

/* Of a path as asked for, the described one. */
export function pathOf(path) {
  const parts = path.split("?")[0].split("/");
  return Object.keys(description.paths).find((p) => {
    const known = p.split("/");
    return known.length === parts.length && known.every((k, i) => k.startsWith("{") || k === parts[i]);
  });
}

const compiled = new Map();

function validator(name) {
  if (!compiled.has(name)) compiled.set(name, ajv.compile({ $ref: `api#/components/schemas/${name}` }));
  return compiled.get(name);
}

function check(name, body, what) {
  const valid = validator(name);
  if (!valid(body)) throw new Error(`${what}: not a ${name}: ${ajv.errorsText(valid.errors)}: ${JSON.stringify(body).slice(0, 300)}`);
}

/* Throws unless the answer is as the description has it for that path, method and status. */
export function checkAnswer(path, method, status, body) {
  const what = `${method} ${path}: ${status}`;
  const operation = description.paths[pathOf(path)]?.[method.toLowerCase()];
  if (!operation) return check("Error", body, what);
  const response = operation.responses[status];
  if (!response) throw new Error(`${what}: no such status is described: ${JSON.stringify(body).slice(0, 300)}`);
  return check(response.content["application/json"].schema.$ref.split("/").at(-1), body, what);
}
