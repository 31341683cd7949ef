"""Forms of a project. Ranges and sentences are those of `projects.policies`; people write percents and minutes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from projects.colors import PALETTE, default_color
from projects.errors import PolicyRefused
from projects.models import Project
from projects.policies import POLICIES, Share, Whole
from projects.services import ClassSpec

CURRENCIES = ("USD", "EUR", "GBP", "CHF", "CAD", "AUD", "INR", "KES", "PHP", "JPY")
TOOL_WORDS = {
    "class": ("One class for each image", "Workers choose which class an image belongs to."),
    "box": ("Boxes around objects", "Workers draw a box around every object and give it a class."),
}
PERCENTS = frozenset({"gold_rate", "confidence_target", "share_reviewed", "gold_iou", "split_train", "split_val"})
MINUTES = frozenset({"lease_seconds"})

# Name of the policy: its words on the page, and what they mean.
MAIN = {
    "answers_min": ("Answers per image", "How many different people answer each image."),
    "gold_rate": ("Check images, %", "Images whose answer you know, mixed in unseen to see how well workers do."),
}
ADVANCED = {
    "answers_max": ("Most answers per image", "While people disagree, more are asked, up to this many."),
    "confidence_target": (
        "Confidence, %",
        "Below that, one more answer is asked for.",
    ),
    "gold_iou": ("Overlap on check images, %", "How well a box must cover yours to be right."),
    "share_reviewed": ("Labels to review, %", "The share that a person looks at; the rest is approved with its batch."),
    "hand_size": ("Images in a set", "How many images a worker takes at once."),
    "lease_seconds": ("Time for a set, minutes", "What is not answered by then goes to somebody else."),
    "seconds_per_answer": ("Seconds for an answer", "What you expect. Workers see it beside the pay."),
    "batch_size": ("Images in a batch", "A batch is what you open, put first and approve as one."),
    "split_train": ("Training, % of a release", "Images keep their split in all later releases."),
    "split_val": ("Validation, % of a release", "What is left over is for testing."),
}


class PolicyField(forms.CharField):
    """A policy as people write it: a whole number, a percent, or minutes; cleaned to what the service takes."""

    def __init__(self, name: str, words: tuple[str, str]) -> None:
        self.policy: Whole | Share = POLICIES[name]
        self.factor = Decimal("0.01") if name in PERCENTS else Decimal(60) if name in MINUTES else Decimal(1)
        super().__init__(
            label=words[0],
            help_text=words[1],
            error_messages={"required": "Write a number here."},
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "short"}),
        )

    def clean(self, value: Any) -> Any:
        text = super().clean(value).replace(",", ".").rstrip(" %")
        try:
            number = Decimal(text) * self.factor
        except ArithmeticError as error:
            raise forms.ValidationError("This is not a number; write digits.") from error
        try:
            return self.policy.read(str(number) if isinstance(self.policy, Share) else str(number.normalize()))
        except PolicyRefused as error:
            raise forms.ValidationError(self._sentence()) from error

    def shown(self, value: Any) -> str:
        return f"{(Decimal(str(value)) / self.factor).normalize():f}"

    def _sentence(self) -> str:
        low, high = (self.shown(bound) for bound in (self.policy.low, self.policy.high))
        return f"Write a number from {low} to {high}."


class PolicyForm(forms.Form):
    """Price and policies. Advanced ones stay as they are when they are not sent."""

    price = forms.DecimalField(
        label="Price of an answer",
        help_text="What a worker earns for each answer, check images too.",
        min_value=Decimal(0),
        max_value=Decimal(1000),
        max_digits=10,
        decimal_places=6,
        error_messages={
            "required": "Write an amount; 0 is allowed.",
            "invalid": "This is not an amount; write it like 0.02.",
            "min_value": "A price cannot be negative: write 0 or more.",
            "max_value": "Write at most 1,000.",
        },
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "short"}),
    )
    currency = forms.ChoiceField(label="Currency", choices=[(code, code) for code in CURRENCIES])

    def __init__(self, data: Mapping[str, Any] | None = None, *, project: Project | None = None) -> None:
        row = project or Project()
        super().__init__(data, initial={"price": f"{row.price.normalize():f}", "currency": row.currency})
        if row.currency not in CURRENCIES:
            self.fields["currency"] = forms.ChoiceField(label="Currency", choices=[(row.currency, row.currency)])
        for name, words in (MAIN | ADVANCED).items():
            field = PolicyField(name, words)
            self.fields[name] = field
            self.initial[name] = field.shown(getattr(row, name))

    def main(self) -> list[forms.BoundField]:
        return [self[name] for name in ("price", "currency", *MAIN)]

    def advanced(self) -> list[forms.BoundField]:
        return [self[name] for name in ADVANCED]

    def has_advanced_errors(self) -> bool:
        return any(name in self.errors for name in ADVANCED)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if {"answers_min", "answers_max"} <= given.keys() and given["answers_min"] > given["answers_max"]:
            # Asking for more answers than the most is asking to raise the most, while that is folded away untouched.
            if "answers_max" in self.changed_data:
                self.add_error("answers_max", "This cannot be below the answers per image; raise it.")
            else:
                given["answers_max"] = given["answers_min"]
        elif given.get("answers_min") == 1 and {"answers_min", "answers_max"} & {*self.changed_data} == {"answers_min"}:
            # One answer an image is the team's way, with a review after it: nobody else is asked unless it says so.
            given["answers_max"] = 1
        if {"split_train", "split_val"} <= given.keys() and given["split_train"] + given["split_val"] > 1 + 1e-9:
            self.add_error("split_val", "Training and validation are more than 100 % together; lower one.")
        return given

    def policy(self) -> dict[str, Any]:
        """The cleaned values under the names that the service takes."""
        names = ("currency", *MAIN, *ADVANCED)
        return {name: self.cleaned_data[name] for name in names} | {"price": str(self.cleaned_data["price"])}


class ProjectForm(PolicyForm):
    """A new project. Classes come as repeated fields `class_name` and `class_color` beside it."""

    name = forms.CharField(
        label="Name",
        max_length=120,
        error_messages={"required": "Give the project a name.", "max_length": "Shorten the name to 120 characters."},
        widget=forms.TextInput(attrs={"placeholder": "Street signs, spring", "autocomplete": "off"}),
    )
    tools = forms.MultipleChoiceField(
        label="What to label",
        choices=[(name, words[0]) for name, words in TOOL_WORDS.items()],
        error_messages={"required": "Choose at least one way to label."},
        widget=forms.CheckboxSelectMultiple,
    )
    instructions = forms.CharField(
        label="Instructions",
        required=False,
        max_length=20_000,
        help_text="What workers read before they begin: what counts, what does not, what to do in doubt.",
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    organisation = forms.UUIDField(required=False)


def class_rows(data: Any) -> list[dict[str, str]]:
    """The rows of classes as they were sent, without empty names, each with its colour and, when it has one, number."""
    names, colors, numbers = (data.getlist(f"class_{part}") for part in ("name", "color", "number"))
    rows: list[dict[str, str]] = []
    for place, name in enumerate(names):
        if name.strip():
            color = colors[place] if place < len(colors) else ""
            number = numbers[place] if place < len(numbers) else ""
            rows.append({"name": name, "color": color or default_color(len(rows) + 1), "number": number})
    return rows


def class_specs(rows: list[dict[str, str]]) -> list[ClassSpec]:
    return [
        ClassSpec(
            name=row["name"], color=row["color"], number=int(row["number"]) if row["number"].isdecimal() else None
        )
        for row in rows
    ]


def fresh_class_rows() -> list[dict[str, str]]:
    return [{"name": "", "color": color, "number": ""} for color in PALETTE[:2]]
