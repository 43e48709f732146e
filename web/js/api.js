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

/* ---- whether the daemon answers ---- */

let onAnswer = () => {};

/* Has what called after each request: with whether the daemon answered it at all. */
export function watchAnswers(what) {
  onAnswer = what;
}

async function send(what, options) {
  try {
    const response = await fetch(PREFIX + what, { ...options, headers: { ...headers(), ...options.headers } });
    onAnswer(true);
    return response;
  } catch (e) {
    if (e.name !== "AbortError") onAnswer(false);
    throw e;
  }
}

/* ---- the token ---- */

let question = null;
let declined = false;

/* From now on a request without a token may ask for it again, after the question was cancelled. */
export function askAgain() {
  declined = false;
}

async function showTokenDialog(why) {
  const dialog = document.getElementById("token-dialog");
  const input = document.getElementById("token-input");
  const wrong = sessionStorage.getItem(KEY) !== null;
  const text = document.getElementById("token-why");
  text.textContent = why;
  text.classList.toggle("problem", wrong);
  input.value = "";
  const given = await answerOf(dialog) === "ok" && input.value.trim() !== "";
  if (given) sessionStorage.setItem(KEY, input.value.trim());
  else sessionStorage.removeItem(KEY);
  declined = !given;
  input.value = "";
  return given;
}

/* Asks for the token, once for all requests that wait for it; resolves to whether one was given. */
function askForToken(why) {
  question ??= showTokenDialog(why).finally(() => { question = null; });
  return question;
}

async function answer(response) {
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, body.error ?? `status ${response.status}`);
  return body;
}

/* Sends a request, and asks for the token until it is right or the question is cancelled. */
async function request(what, options) {
  for (;;) {
    try {
      return await answer(await send(what, options));
    } catch (e) {
      if (e.status !== 401 || declined || !await askForToken(e.message)) throw e;
    }
  }
}

/* ---- requests ---- */

/* A path of names, each escaped. */
export function path(...names) {
  return names.map(encodeURIComponent).join("/");
}

export function get(what, query = {}, signal = undefined) {
  const given = Object.entries(query).filter(([, v]) => v !== undefined && v !== "" && v !== null);
  const text = new URLSearchParams(given).toString();
  return request(`${what}${text ? `?${text}` : ""}`, { signal });
}

export function post(what, body = {}) {
  askAgain();
  return request(what, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/* ---- the stream ---- */

/* Each message of the stream, between blank lines: its event's name and its data. */
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
      const lines = message.split("\n");
      const after = (name) => lines.filter((l) => l.startsWith(name)).map((l) => l.slice(name.length).trim());
      const data = after("data:");
      if (data.length) each(after("event:")[0] ?? "message", JSON.parse(data.join("\n")));
    }
  }
}

/*
 * For as long as the page is open: messages as they come. state: "live", or in words why none can
 * come; the daemon may answer other requests meanwhile.
 */
export async function follow(each, state) {
  for (let wait = 500; ; wait = Math.min(wait * 2, 10000)) {
    try {
      const response = await send("stream", {});
      if (response.ok) {
        state("live");
        wait = 250;
        await read(response, each);
        state("not live");
      } else {
        state(response.status === 401 ? "needs the token" : "not live");
      }
    } catch {
      state("not connected");
    }
    await new Promise((resolve) => { setTimeout(resolve, wait); });
  }
}
