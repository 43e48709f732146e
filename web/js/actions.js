// SPDX-License-Identifier: Apache-2.0
// What can be done about a container: its buttons, on its own page and wherever it is named.
import { ApiError, get, path, post } from "./api.js";
import { confirmed, h, toast } from "./dom.js";
import { policyName } from "./words.js";

/* Does something, and says that it is done or why not. Resolves to the answer, or to null. */
export async function attempt(what, said) {
  try {
    const answer = await what();
    toast(said);
    return answer;
  } catch (e) {
    toast(e instanceof ApiError ? e.message : "lutrad does not answer; nothing was changed");
    return null;
  }
}

/* Changes the container itself, never another one that has its name by now. */
export function change(container, what, body = {}) {
  return post(path("containers", container.name, what), container.id ? { ...body, id: container.id } : body);
}

/* Freeze or thaw, and kill. changed is called with the container as it is then. */
export class StopButtons {
  constructor(changed) {
    this.changed = changed;
    this.freeze = h("button", { type: "button", onclick: () => this.turn() }, "Freeze");
    this.kill = h("button", { type: "button", class: "danger", onclick: () => this.end() }, "Kill all processes");
    this.elements = [this.freeze, this.kill];
  }

  show(container) {
    this.container = container;
    this.freeze.textContent = container.frozen ? "Thaw" : "Freeze";
  }

  async send(what, said) {
    const c = await attempt(() => change(this.container, what), said);
    if (!c) return;
    this.show(c);
    this.changed(c);
  }

  turn() {
    const { name, frozen } = this.container;
    return frozen ? this.send("thaw", `${name} goes on`) : this.send("freeze", `${name} is frozen`);
  }

  async end() {
    const { name } = this.container;
    if (await confirmed(`Kill all processes of ${name}?`, "The container ends at once, with what it has not saved.", "Kill", true))
      await this.send("kill", `All processes of ${name} are killed`);
  }
}

export function policyLink(dir) {
  const name = policyName(dir);
  return name ? h("a", { class: "button", href: `#/policy/${encodeURIComponent(name)}` }, "Open the policy") : null;
}

/* The buttons for a container that something else than its own page names; fetched by itself. */
export function containerButtons(name, id, signal) {
  const box = h("div", { class: "row" });
  const buttons = new StopButtons(() => {});
  get(path("containers", name), { id }, signal).then((c) => {
    if (!c.ended) buttons.show(c);
    box.replaceChildren(...c.ended ? [h("span", { class: "soft" }, "This container has ended.")] : buttons.elements,
      ...[policyLink(c.policy)].filter(Boolean));
  }).catch((e) => {
    if (!signal.aborted) box.replaceChildren(h("span", { class: "soft" }, e.message));
  });
  return box;
}
