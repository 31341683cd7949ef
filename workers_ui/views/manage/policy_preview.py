"""A preview of another number of answers per image, as the settings page shows it."""

from typing import Any

from tasks.flow.policy_preview import GROUPS, ApplyTo, PolicyPreview

GROUP_LABELS = {
    "draft": "In batches that are not open yet",
    "open": "Open",
    "answered": "Answered, not approved",
    "approved": "Approved",
}
#: The choices, and the groups that each of them reaches.
CHOICES: tuple[tuple[ApplyTo, str, str], ...] = (
    ("new", "New images only", "Those you add from now on, and those in batches that are not open yet."),
    ("open", "Open images too", "Answers that are in stay, are paid, and count."),
    (
        "finished",
        "Finished images too",
        "Answered images open again. Approved labels stay approved and in releases, and go back to review only if new"
        " answers clearly contradict them. Releases that exist never change.",
    ),
)


def shown_preview(preview: PolicyPreview) -> dict[str, Any]:
    """Return the table of the groups, and the choices with what they cost. Choices that change nothing more are left
    out."""
    rows = [
        {
            "label": GROUP_LABELS[name],
            "images": each.images,
            "answers": each.answers,
            "cost": preview.cost(each.answers),
        }
        for name in GROUPS
        if (each := preview.groups[name]).images
    ]
    choices = []
    for name, title, text in CHOICES:
        effect = preview.effect(name)
        if name == "new" or effect != preview.effect("open" if name == "finished" else "new"):
            cost, missing = preview.cost(effect.answers), preview.missing(name)
            forecast = preview.forecast(name)
            choices.append(
                {
                    "value": name,
                    "title": title,
                    "text": text,
                    "answers": effect.answers,
                    "fewer": effect.fewer,
                    "cost": abs(cost),
                    "forecast": forecast,
                    "missing": missing,
                }
            )
    return {
        "rows": rows,
        "choices": choices,
        "currency": preview.currency,
        "is_estimate": preview.is_estimate,
        "most": preview.most if preview.most > preview.least else None,
        "budget": preview.budget.budget,
        "has_budget": preview.budget.budget is not None,
    }
