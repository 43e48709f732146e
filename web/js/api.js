// SPDX-License-Identifier: Apache-2.0
// The daemon's API: requests, the token, and the live stream.

import { answerOf } from "./dom.js";

const PREFIX = "api/v1/";
const KEY = "lutra-token";

export class ApiError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

function headers() {
  const token = sessionStorage.getItem(KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/* Asks for the token; resolves to whether one was given. */
export async function askForToken() {
  const dialog = document.getElementById("token-dialog");
  const input = document.getElementById("token-input");
  input.value = "";
  const given = await answerOf(dialog) === "ok" && input.value.trim() !== "";
  if (given) sessionStorage.setItem(KEY, input.value.trim());
  input.value = "";
  return given;
}

async function answer(response) {
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, body.error ?? `status ${response.status}`);
  return body;
}

/* A path of names, each escaped. */
export function path(...names) {
  return names.map(encodeURIComponent).join("/");
}

export async function get(what, query = {}, signal = undefined) {
  const given = Object.entries(query).filter(([, v]) => v !== undefined && v !== "" && v !== null);
  const text = new URLSearchParams(given).toString();
  return answer(await fetch(`${PREFIX}${what}${text ? `?${text}` : ""}`, { headers: headers(), signal }));
}

/* A change; without a token, or with a wrong one, it is asked for once. */
export async function post(what, body = {}) {
  const send = () => fetch(PREFIX + what, {
    method: "POST",
    headers: { ...headers(), "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  let response = await send();
  if (response.status === 401 && await askForToken()) response = await send();
  return answer(response);
}

/* Each event of the stream, a message between blank lines. */
async function read(response, each) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const messages = text.split("\n\n");
    text = messages.pop();
    for (const message of messages) {
      const data = message.split("\n").filter((l) => l.startsWith("data:")).map((l) => l.slice(5).trim());
      if (data.length) each(JSON.parse(data.join("\n")));
    }
  }
}

/* For as long as the page is open: events as they come, and whether they can come. */
export async function follow(each, connected) {
  for (let wait = 500; ; wait = Math.min(wait * 2, 10000)) {
    try {
      const response = await fetch(`${PREFIX}stream`, { headers: headers() });
      if (response.ok) {
        connected(true);
        wait = 250;
        await read(response, each);
      }
    } catch {
      /* the daemon is gone: it is tried again */
    }
    connected(false);
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}
