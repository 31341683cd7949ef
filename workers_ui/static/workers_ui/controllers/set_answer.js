/* Answers in the canonical shape, and in words. Pure: no page, no network.
 *
 * {image: {class, tags, attrs}, objects: [{id, class, tool, geom, attrs}], verdict: "labels" | "empty" | "cannot_tell"} */

export function labels({ classId = null, objects = [] }) {
  return { image: { class: classId, tags: [], attrs: {} }, objects, verdict: "labels" };
}

export function emptyAnswer() {
  return { ...labels({}), verdict: "empty" };
}

export function cannotTell() {
  return { ...labels({}), verdict: "cannot_tell" };
}

/** What is asked of an image: {chooses, draws, classes: [{id, name, color}]} from the schema of a set. */
export function questionOf(schema) {
  return {
    chooses: schema.tools.includes("class"),
    draws: schema.tools.includes("box"),
    classes: schema.classes.map((item) => ({ id: item.number, name: item.name, color: item.color })),
  };
}

/** An answer in a few words: "cat", "apple, cup × 2", "Nothing to draw", "You could not tell". */
export function words(answer, classes) {
  if (answer.verdict === "empty") return "Nothing to draw";
  if (answer.verdict === "cannot_tell") return "You could not tell";
  const whole = classes.find((item) => item.id === answer.image.class)?.name;
  const counts = classes.map((item) => [item.name, answer.objects.filter((object) => object.class === item.id).length]);
  const drawn = counts.filter(([, count]) => count > 0).map(([name, count]) => (count > 1 ? `${name} × ${count}` : name));
  if (whole && drawn.length > 0) return `${whole}: ${drawn.join(", ")}`;
  return whole ?? drawn.join(", ");
}

/** Whether two answers say the same. The server puts objects in an order of its own and adds empty fields. */
export function sameAnswer(a, b) {
  return a !== null && b !== null && key(a) === key(b);
}

function key(answer) {
  const boxes = answer.objects.map(({ id, class: label, tool, geom }) => JSON.stringify([id, label, tool, geom.x, geom.y, geom.w, geom.h]));
  return JSON.stringify([answer.verdict, answer.image?.class ?? null, boxes.sort()]);
}
