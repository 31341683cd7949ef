/* The few browser globals that the modules under test touch, where Node lacks them. */

import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
globalThis.CustomEvent ??= class CustomEvent extends Event {
  constructor(type, { detail = null } = {}) {
    super(type);
    this.detail = detail;
  }
};
globalThis.window = new EventTarget();
globalThis.document = Object.assign(new EventTarget(), {
  cookie: "theme=dark; csrftoken=token%2B1",
  visibilityState: "visible",
  querySelector: () => null,
});

/* An attempt's timeout outlives the test; it must not keep the process running. */
const { setTimeout: startTimer } = globalThis;
globalThis.setTimeout = (action, milliseconds, ...rest) => {
  const timer = startTimer(action, milliseconds, ...rest);
  if (milliseconds >= 20_000) timer.unref();
  return timer;
};
