/* Requests to our own API: JSON in, JSON out, problems as readable messages. */

import { csrfToken } from "./csrf.js";

/** Resolves to {ok, status, body, message}; a broken connection has status 0. */
export async function callApi(method, url, body = null) {
  const headers = { Accept: "application/json", "X-CSRFToken": csrfToken() };
  if (body !== null) headers["Content-Type"] = "application/json";
  try {
    const options = {
      method,
      headers,
      credentials: "same-origin",
      body: body === null ? undefined : JSON.stringify(body),
    };
    const response = await fetch(url, options);
    const payload = await response.json().catch(() => null);
    return { ok: response.ok, status: response.status, body: payload, message: errorMessage(response.status, payload) };
  } catch {
    return { ok: false, status: 0, body: null, message: "The connection was lost, and nothing changed. Try again." };
  }
}

export function errorMessage(status, body) {
  if (body?.detail) return body.detail;
  if (status === 401 || status === 403) return "You are signed out. Sign in again in another tab, then continue here.";
  return "The server did not respond as expected. Try again in a moment.";
}
