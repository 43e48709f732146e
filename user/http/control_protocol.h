/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between lutra and lutrad, over a Unix socket: one line of JSON asks, one answers, {"ok": true, …}
 * or {"ok": false, "error": LINE}; after the answer to "events" come the alerts, a line each.
 *
 *   {"cmd": "enroll", "cgroup", "policy"? (or it is learned), "mode"?, "name"?, "image"?,
 *       "digest"?, "next_exec"?, "force"?}
 *   {"cmd": "container", "event": "start", "who" (as identity_to_json()), "pid"}: a hook's;
 *       "container" in the answer is null where no policy is for the image, and "why" says so
 *   {"cmd": "container", "event": "stop", "who"}
 *   {"cmd": "release", "name"? (or cgroup path), "all"?}
 *   {"cmd": "mode", "name", "mode", "force"?}
 *   {"cmd": "policy-mode", "policy" (a name in policies_dir), "mode", "force"?}
 *   {"cmd": "thaw", "name"}
 *   {"cmd": "learn", "image", "runs"?}
 *   {"cmd": "learn-stop", "image"}
 *   {"cmd": "learn-status", "image"?}
 *   {"cmd": "status"}
 *   {"cmd": "top"}: as GET status, verdicts and containers of the HTTP API, with up to
 *     200 containers
 *   {"cmd": "events", "limit"?, "follow"?}
 */
#ifndef LUTRA_USER_HTTP_CONTROL_PROTOCOL_H
#define LUTRA_USER_HTTP_CONTROL_PROTOCOL_H

#define PROTOCOL_REQUEST_MAX 65536
#define PROTOCOL_EVENTS_DEFAULT 50
#define PROTOCOL_EVENTS_MAX 1000

#endif
