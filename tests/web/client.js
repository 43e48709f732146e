// SPDX-License-Identifier: Apache-2.0
// Requests as no browser would send them: any path, any header, any body.
import { request } from "node:http";
import { readFileSync } from "node:fs";

export const port = Number(process.env.LUTRA_HTTP_PORT);
export const origin = `http://127.0.0.1:${port}`;
export const name = process.env.LUTRA_CONTAINER;
export const token = readFileSync(process.env.LUTRA_TOKEN_FILE, "utf8").trim();
export const bearer = { Authorization: `Bearer ${token}` };

/* {status, text, body, headers}; body: its JSON, if it is any. status 0: the connection was closed. */
export function send(method, path, { headers = {}, body = undefined } = {}) {
  return new Promise((resolve, reject) => {
    const q = request({ host: "127.0.0.1", port, method, path, headers, agent: false }, (r) => {
      let text = "";
      r.setEncoding("utf8");
      r.on("data", (d) => { text += d; });
      r.on("end", () => {
        let json;
        try {
          json = JSON.parse(text);
        } catch {
          json = undefined;
        }
        resolve({ status: r.statusCode, text, body: json, headers: r.headers });
      });
    });
    q.on("error", (e) => (["ECONNRESET", "EPIPE"].includes(e.code) ? resolve({ status: 0, text: "", headers: {} }) : reject(e)));
    q.setTimeout(20000, () => q.destroy(new Error(`${method} ${path}: no answer`)));
    q.end(body);
  });
}

export const api = (method, path, options) => send(method, `/api/v1${path}`, options);

export function change(path, body, headers = bearer) {
  return api("POST", path, { headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(body) });
}
