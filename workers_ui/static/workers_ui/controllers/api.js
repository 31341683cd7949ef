/* Calls to our own API: JSON in, JSON out, problems as sentences for people. */

import { csrfToken } from "./csrf.js";

/** {ok, status, body, sentence}; a connection that broke has status 0. */
export async function call(method, url, body = null) {
  const headers = { Accept: "application/json", "X-CSRFToken": csrfToken() };
  if (body !== null) headers["Content-Type"] = "application/json";
  try {
    const options = { method, headers, credentials: "same-origin", body: body === null ? undefined : JSON.stringify(body) };
    const answer = await fetch(url, options);
    const told = await answer.json().catch(() => null);
    return { ok: answer.ok, status: answer.status, body: told, sentence: sentenceOf(answer.status, told) };
  } catch {
    return { ok: false, status: 0, body: null, sentence: "The connection broke; nothing was changed. Try again." };
  }
}

export function sentenceOf(status, body) {
  if (body?.detail) return body.detail;
  if (status === 401 || status === 403) return "You are signed out; sign in again in another tab, then go on here.";
  return "The server did not answer as it should; try again in a moment.";
}
