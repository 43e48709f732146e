// SPDX-License-Identifier: Apache-2.0
// Things looked at again and again, while they are seen.
import { ApiError } from "./api.js";

/* Calls work every so often until signal; not while the tab is hidden, never twice at a time. */
export function every(ms, signal, work) {
  let timer;
  const turn = async () => {
    if (!document.hidden) await quietly(work);
    if (!signal.aborted) timer = setTimeout(turn, ms);
  };
  timer = setTimeout(turn, ms);
  signal.addEventListener("abort", () => clearTimeout(timer));
}

/* Does work; that it failed, or that the view was left meanwhile, is of no matter to who asked. */
export async function quietly(work) {
  try {
    await work();
  } catch {
    /* the live mark says that the daemon does not answer */
  }
}

/* Does work as quietly() does; calls refused with the API's message where the API refuses it. */
export function asked(work, refused) {
  return quietly(async () => {
    try {
      await work();
    } catch (e) {
      if (!(e instanceof ApiError)) throw e;
      refused(e.message);
    }
  });
}

/* Calls work once, after the calls for it have paused. */
export function settled(ms, work) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(() => quietly(work), ms);
  };
}
