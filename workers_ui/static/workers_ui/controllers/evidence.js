/* The evidence behind a label, as text and outlines: the workers' answers, class shares and confidence. */

const METHODS = { review: "Set by a reviewer", gold: "Answered by the owner", single: "A single answer" };

/** "3 answers, 97% sure", and a note when that is below the project's target. */
export function certainty(label, target) {
  const method = METHODS[label.method];
  if (label.method === "review" || label.method === "gold") return `${method}.`;
  const confidence = `${percent(label.confidence)} sure`;
  const answers = method ?? `${label.answers} answer${label.answers === 1 ? "" : "s"}`;
  const below = label.confidence < target ? `, below the project's target of ${percent(target)}` : "";
  return `${answers}, ${confidence}${below}.`;
}

/** One list item per answer, then one with the class shares. */
export function evidenceRows(evidence, desk) {
  const rows = evidence.answers.map((answer, index) => {
    const differences = answer.differences ?? [];
    const notes = [`${percent(answer.weight)} accurate`, shortened(differences)].filter(Boolean);
    const author = `${index + 1}. ${answer.name}`;
    return row(author, desk.describe(answer.answer), notes.join(" · "), differences.length > 0 ? "differs" : "");
  });
  const shares = evidence.posterior?.class;
  if (shares && Object.keys(shares).length > 1) {
    // A share that reads as 0% says nothing.
    const parts = Object.entries(shares)
      .filter(([, share]) => Math.round(share * 100) > 0)
      .sort(([, a], [, b]) => b - a);
    rows.push(
      row(
        "Confidence",
        parts.map(([number, share]) => `${desk.nameOf(Number(number))} ${percent(share)}`).join(", "),
        "",
        "",
      ),
    );
  }
  if (rows.length === 0) rows.push(row("", "This label is not based on workers' answers.", "", ""));
  return rows;
}

/* Like the page of the evidence: views/manage/label_formatting.py. */
function shortened(words, most = 4) {
  if (words.length <= most) return words.join("; ");
  return `${words.slice(0, most - 1).join("; ")} and ${words.length - most + 1} more`;
}

/** The workers' objects, to draw over the agreed ones. */
export function overlaysOf(evidence) {
  return evidence.answers.flatMap((answer, index) =>
    (answer.answer.objects ?? []).map(({ tool, geom }) => ({ tool, geom, label: `${index + 1}`, tone: "suggested" })),
  );
}

function row(author, text, note, state) {
  const item = document.createElement("li");
  if (state) item.dataset.state = state;
  for (const [tag, content] of [
    ["b", author],
    ["span", text],
    ["small", note],
  ]) {
    if (!content) continue;
    const part = document.createElement(tag);
    part.textContent = content;
    item.append(part);
  }
  return item;
}

function percent(share) {
  const value = share * 100;
  return `${value > 99 && value < 100 ? Math.floor(value * 10) / 10 : Math.round(value)}%`;
}
