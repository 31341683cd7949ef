/* A page restored from the back-forward cache shows what was true when it was left: load it again, so that no list is
 * older than what was saved since. What someone has typed into it and not sent is worth more than a fresh list. */

export function keepPagesFresh(page = window) {
  page.addEventListener("pageshow", ({ persisted }) => {
    if (persisted && !hasUnsentInput(page.document)) page.location.reload();
  });
}

function hasUnsentInput(root) {
  return [...root.querySelectorAll("input, textarea")].some((field) =>
    ["checkbox", "radio"].includes(field.type)
      ? field.checked !== field.defaultChecked
      : field.value !== field.defaultValue,
  );
}
