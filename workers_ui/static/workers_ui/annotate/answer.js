/* Answers in their canonical form, and as text. Pure: no DOM, no network.
 *
 * {image: {class, tags, attrs}, objects: [{id, class, tool, geom, attrs}], verdict: "labels" | "empty" | "cannot_tell"} */

import { drawingTools, toolNamed } from "../canvas/tools/index.js";

export function labels({ classId = null, objects = [] }) {
  return { image: { class: classId, tags: [], attrs: {} }, objects, verdict: "labels" };
}

export function emptyAnswer() {
  return { ...labels({}), verdict: "empty" };
}

export function cannotTell() {
  return { ...labels({}), verdict: "cannot_tell" };
}

/** What a set's schema asks of each image: {chooses, draws, tools: [name], classes: [{id, name, color}]}. */
export function questionOf(schema) {
  return {
    chooses: schema.tools.includes("class"),
    draws: drawingTools(schema).length > 0,
    tools: schema.tools,
    classes: schema.classes.map((item) => ({ id: item.number, name: item.name, color: item.color })),
  };
}

/** An answer as short text: "cat", "apple, cup × 2", "Nothing to draw", "You could not tell". */
export function describe(answer, classes) {
  if (answer.verdict === "empty") return "Nothing to draw";
  if (answer.verdict === "cannot_tell") return "You could not tell";
  const imageClass = classes.find((item) => item.id === answer.image.class)?.name;
  const counts = classes.map((item) => [item.name, answer.objects.filter((object) => object.class === item.id).length]);
  const drawn = counts
    .filter(([, count]) => count > 0)
    .map(([name, count]) => (count > 1 ? `${name} × ${count}` : name));
  if (imageClass && drawn.length > 0) return `${imageClass}: ${drawn.join(", ")}`;
  return imageClass ?? drawn.join(", ");
}

/** Whether two answers are equivalent: the server reorders objects and their points, and adds empty fields. */
export function sameAnswer(a, b) {
  return a !== null && b !== null && key(a) === key(b);
}

function key(answer) {
  const objects = answer.objects.map(({ id, class: label, tool, geom }) =>
    JSON.stringify([id, label, tool, toolNamed(tool)?.identity(geom) ?? geom]),
  );
  return JSON.stringify([answer.verdict, answer.image?.class ?? null, objects.sort()]);
}
