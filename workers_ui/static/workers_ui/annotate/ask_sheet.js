/* The sheet with the worker's conversation with the team about the image on the screen. What is typed is kept on the
 * device until it is sent. Sending the same words again is harmless: the server takes them once. */

import { callApi } from "../lib/api.js";
import { quiet } from "../lib/quiet.js";
import { Drafts } from "./drafts.js";

const OFFLINE = "This was not sent: there is no connection. Your text is kept on this device. Try again later.";
const UNSENT = "Not sent yet. Your text is kept on this device.";

export class AskSheet {
  /** `url` is the set's; `changed` is called after a question was sent, or after answers came in. */
  constructor(dialog, { signal, url, changed }) {
    Object.assign(this, { dialog, url, changed });
    this.threads = new Map();
    this.drafts = new Drafts("question");
    const part = (name) => dialog.querySelector(`[data-ask="${name}"]`);
    Object.assign(this, { list: part("messages"), text: part("text"), problem: part("problem"), send: part("send") });
    dialog.addEventListener("click", (event) => this.click(event), { signal });
    dialog.addEventListener("keydown", (event) => this.key(event), { signal });
    this.text.addEventListener("input", () => this.typed(), { signal });
  }

  /** Reads the conversations about the images of the set; without a connection those known so far stay. */
  async load() {
    const { ok, body } = await callApi("GET", `${this.url}questions/`);
    if (!ok) return;
    this.threads = new Map(body.results.map((thread) => [thread.assignment, thread]));
    if (this.dialog.open) this.showMessages();
    this.changed();
  }

  /** "", "open" or "answered" for an image of the set. */
  stateOf({ id }) {
    return this.threads.get(id)?.state ?? "";
  }

  open(item) {
    if (this.dialog.open) return;
    this.item = item;
    this.text.value = this.drafts.get(item.id)?.text ?? "";
    this.say(this.text.value ? UNSENT : "");
    this.showMessages();
    this.dialog.showModal();
    this.text.focus();
    quiet({ gentle: true });
  }

  showMessages() {
    const thread = this.threads.get(this.item.id);
    const messages = (thread?.messages ?? []).map(({ from_me: mine, text }) => {
      const row = document.createElement("li");
      const words = document.createElement("bdi");
      words.textContent = text;
      row.dataset.from = mine ? "me" : "team";
      row.append(Object.assign(document.createElement("b"), { textContent: mine ? "You" : "Project team" }), words);
      return row;
    });
    this.list.replaceChildren(...messages);
    this.list.hidden = messages.length === 0;
    this.list.scrollTop = this.list.scrollHeight;
  }

  typed() {
    this.say("");
    if (this.text.value.trim()) this.drafts.put(this.item.id, { text: this.text.value });
    else this.drafts.clear(this.item.id);
  }

  click({ target }) {
    if (target === this.dialog || target.closest('[data-ask="close"]')) this.dialog.close();
    else if (target.closest('[data-ask="send"]')) void this.submit();
  }

  key(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat) return;
    event.preventDefault();
    void this.submit();
  }

  async submit() {
    const { item } = this;
    const text = this.text.value.trim();
    if (this.send.disabled) return;
    if (!text) {
      this.say("Write your question first.");
      return;
    }
    this.send.disabled = this.text.readOnly = true;
    const { status, ok, body, message } = await callApi("POST", `/api/v1/assignments/${item.id}/questions/`, { text });
    this.send.disabled = this.text.readOnly = false;
    if (!ok) {
      this.say(status === 0 ? OFFLINE : `This was not sent. ${message}`);
      return;
    }
    this.drafts.clear(item.id);
    this.threads.set(item.id, body);
    this.text.value = "";
    this.say("");
    this.showMessages();
    this.dialog.close();
    this.changed();
  }

  say(words) {
    this.problem.textContent = words;
    this.problem.hidden = words === "";
  }
}
