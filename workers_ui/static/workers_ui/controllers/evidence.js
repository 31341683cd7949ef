/* What stands behind a label, in words and outlines: the answers of the workers, their shares, how sure it is. */

const METHODS = { review: "Set by a reviewer", gold: "Answered by the owner", single: "One answer alone" };

/** "3 answers, 97 % sure", and a word when that is less than the project wants. */
export function sureness(label, target) {
  const method = METHODS[label.method];
  if (label.method === "review" || label.method === "gold") return `${method}.`;
  const sure = `${percent(label.confidence)} sure`;
  const answers = method ?? `${label.answers} answers`;
  const below = label.confidence < target ? `, below the ${percent(target)} that the project wants` : "";
  return `${answers}, ${sure}${below}.`;
}

/** A list item for every answer, then one for the shares of the classes. */
export function evidenceRows(evidence, desk) {
  const agreed = evidence.label ? desk.words(evidence.label.body) : "";
  const rows = evidence.answers.map((given, index) => {
    const words = desk.words(given.answer);
    return row(`Worker ${index + 1}`, words, `trusted ${percent(given.weight)}`, words === agreed ? "" : "differs");
  });
  const shares = evidence.posterior?.class;
  if (shares && Object.keys(shares).length > 1) {
    const parts = Object.entries(shares).sort(([, a], [, b]) => b - a);
    rows.push(row("Shares", parts.map(([number, share]) => `${desk.nameOf(Number(number))} ${percent(share)}`).join(", "), "", ""));
  }
  if (rows.length === 0) rows.push(row("", "No worker's answer stands behind this label.", "", ""));
  return rows;
}

/** The workers' own boxes, drawn over the agreed ones. */
export function overlaysOf(evidence) {
  return evidence.answers.flatMap((given, index) =>
    (given.answer.objects ?? []).map((object) => ({ geom: object.geom, label: `${index + 1}`, tone: "suggested" })),
  );
}

function row(who, words, note, state) {
  const item = document.createElement("li");
  if (state) item.dataset.state = state;
  for (const [tag, text] of [["b", who], ["span", words], ["small", note]]) {
    if (!text) continue;
    const part = document.createElement(tag);
    part.textContent = text;
    item.append(part);
  }
  return item;
}

function percent(share) {
  const value = share * 100;
  return `${value > 99 && value < 100 ? Math.floor(value * 10) / 10 : Math.round(value)} %`;
}
