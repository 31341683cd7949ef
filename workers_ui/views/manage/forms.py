"""Forms of a project. Ranges and messages come from `projects.policies`; people enter percentages and minutes."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from annotary_core.labels.shapes import SHAPES, label_tools, measure_of, noun_of
from projects.colors import PALETTE, default_color
from projects.errors import PolicyRefused
from projects.models import AnswersMode, Project
from projects.policies import MAX_BUDGET, POLICIES, DecimalRange, IntegerRange
from projects.selectors import object_tools_of
from projects.services import ClassSpec

CURRENCIES = ("USD", "EUR", "GBP", "CHF", "CAD", "AUD", "INR", "KES", "PHP", "JPY")
PERCENTS = frozenset(
    {
        "gold_rate",
        "confidence_target",
        "share_reviewed",
        "gold_iou",
        "share_per_worker",
        "split_train",
        "split_val",
    }
)
MINUTES = frozenset({"lease_seconds"})

# Name of the policy: (label, help text). {noun} is an object of the project, {measure} how two of them are compared.
MAIN = {
    "gold_rate": (
        "Check images (%)",
        "Images with known answers that look like any other. They measure how accurate each worker is.",
    ),
}
ANSWERS = {
    "answers_min": ("Answers per image", "From different workers. With Dynamic, the least that each image gets."),
    "answers_max": ("Maximum answers per image", "While workers disagree, we request more answers, up to this many."),
    "confidence_target": (
        "Confidence (%)",
        "With Dynamic, we request one more answer below this. Labels below it are always reviewed.",
    ),
}
MODES = (
    (AnswersMode.FIXED.value, "Fixed", "The same number of answers for every image."),
    (AnswersMode.DYNAMIC.value, "Dynamic", "More answers where workers disagree, until the label is sure enough."),
)
ADVANCED = {
    "gold_iou": ("{measure} on check images (%)", "How closely {noun} must match yours to count as correct."),
    "share_reviewed": ("Labels to review (%)", "The share that a person reviews. The rest is approved with its batch."),
    "appeal_days": (
        "Days to appeal",
        "If not 0, workers see which of their answers were rejected and why, and can appeal this long.",
    ),
    "send_back_days": (
        "Days to correct",
        "If not 0, reviewers can send a rejected image back to its worker, who has this long to take it.",
    ),
    "hand_size": ("Images per set", "How many images a worker takes at a time."),
    "set_minutes": (
        "Minutes per set",
        "If not 0, each worker gets as many images as take them this long, by how fast they answer; 100 at most.",
    ),
    "lease_seconds": ("Time per set (minutes)", "Images not answered by then go to someone else."),
    "returns_per_day": (
        "Images returned per worker a day",
        "A worker who skips, returns or leaves unanswered more than this is paused until you resume them. "
        "Two sets are always allowed.",
    ),
    "skips_to_manager": (
        "Skips before an image is set aside",
        "When this many workers have skipped an image, nobody else gets it until you decide. 0 is never.",
    ),
    "seconds_per_answer": ("Seconds per answer", "Your estimate. Workers see it next to the pay."),
    "batch_size": ("Images per batch", "You open, prioritize, and approve images in batches."),
    "split_train": ("Training (% of a release)", "Images keep their split in all later releases."),
    "split_val": ("Validation (% of a release)", "The rest is for testing."),
}
PAY = {
    "paid_seconds": (
        "Seconds paid per answer at most",
        "When the time counts, by the hour or for the floor. Idling beyond it is not paid; set it for a hard image.",
    ),
    "paid_objects": ("Objects paid per answer at most", "Paid by the object, more of them in one image pay nothing."),
    "approval_days": (
        "Days until pay is approved",
        "So long you can look at the work before its pay is approved by itself. 0 approves it with each set.",
    ),
}
QUEUE = {
    "priority": (
        "Priority",
        "Workers who press <i>Start working</i> get the project with the highest priority first. Default 0.",
    ),
    "images_per_day": ("Images per worker a day", "The day ends at 00:00 UTC. 0 is no limit."),
    "share_per_worker": (
        "Images per worker (% of the project)",
        "The most that one worker may label. 100 is no limit.",
    ),
}
PAY_NAMES = ("pay_by", "hourly_floor", *PAY)


class PolicyField(forms.CharField):
    """A policy as people enter it: a whole number, a percentage, or minutes; cleaned to what the service expects."""

    def __init__(self, name: str, label: str, help_text: str) -> None:
        policy = POLICIES[name]
        assert isinstance(policy, IntegerRange | DecimalRange)
        self.policy: IntegerRange | DecimalRange = policy
        self.factor = Decimal("0.01") if name in PERCENTS else Decimal(60) if name in MINUTES else Decimal(1)
        super().__init__(
            label=label,
            help_text=help_text,
            error_messages={"required": "Enter a number."},
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "short"}),
        )

    def clean(self, value: Any) -> Any:
        if not self.required and not value:
            return None
        text = super().clean(value).replace(",", ".").rstrip(" %")
        try:
            number = Decimal(text) * self.factor
        except ArithmeticError as error:
            raise forms.ValidationError("This is not a number. Use digits.") from error
        try:
            return self.policy.read(str(number) if isinstance(self.policy, DecimalRange) else str(number.normalize()))
        except PolicyRefused as error:
            raise forms.ValidationError(self._range_message()) from error

    def shown(self, value: Any) -> str:
        return f"{(Decimal(str(value)) / self.factor).normalize():f}"

    def _range_message(self) -> str:
        low, high = (self.shown(bound) for bound in (self.policy.low, self.policy.high))
        return f"Enter a number from {low} to {high}."


class PolicyForm(forms.Form):
    """Price and policies. Advanced policies that are not sent keep their values."""

    price = forms.DecimalField(
        label="Price",
        help_text="What a worker earns for each answer, including check images, or for what you choose under Pay.",
        min_value=Decimal(0),
        max_value=Decimal(1000),
        max_digits=10,
        decimal_places=6,
        error_messages={
            "required": "Enter an amount. It can be 0.",
            "invalid": "This is not an amount. Enter it like 0.02.",
            "min_value": "A price cannot be negative. Enter 0 or more.",
            "max_value": "Enter at most 1,000.",
        },
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "short"}),
    )
    pay_by = forms.ChoiceField(
        label="The price is for",
        choices=[("answer", "Each answer"), ("object", "Each object drawn"), ("hour", "Each hour of measured work")],
        required=False,
    )
    hourly_floor = forms.DecimalField(
        label="Least pay of an hour",
        help_text="A set that pays less for its measured time is topped up. Leave it empty for no floor.",
        required=False,
        min_value=Decimal(0),
        max_value=Decimal(1000),
        max_digits=10,
        decimal_places=6,
        error_messages={
            "invalid": "This is not an amount. Enter it like 12, or leave it empty for no floor.",
            "min_value": "This cannot be negative. Leave it empty for no floor.",
            "max_value": "Enter at most 1,000.",
        },
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "short"}),
    )
    currency = forms.ChoiceField(label="Currency", choices=[(code, code) for code in CURRENCIES])
    deadline_at = forms.DateTimeField(
        label="Deadline (UTC)",
        help_text="Among equal priorities, the earliest deadline comes first. Leave empty for none.",
        required=False,
        error_messages={"invalid": "This is not a date and time. Enter it like 2027-03-31 18:00."},
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    budget = forms.DecimalField(
        label="Budget",
        help_text="All that workers may earn here in total. Leave it empty for no limit.",
        required=False,
        min_value=Decimal(0),
        max_value=MAX_BUDGET,
        max_digits=14,
        decimal_places=6,
        error_messages={
            "invalid": "This is not an amount. Enter it like 250, or leave it empty for no limit.",
            "min_value": "A budget cannot be negative. Leave it empty for no limit.",
            "max_value": "Enter at most 10,000,000.",
        },
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "short"}),
    )
    answers_mode = forms.ChoiceField(choices=[row[:2] for row in MODES], required=False, widget=forms.RadioSelect)

    def __init__(self, data: Mapping[str, Any] | None = None, *, project: Project | None = None) -> None:
        row = project or Project()
        initial: dict[str, Any] = {
            "price": f"{row.price.normalize():f}",
            "currency": row.currency,
            "pay_by": row.pay_by,
            "hourly_floor": "" if row.hourly_floor is None else f"{row.hourly_floor.normalize():f}",
            "answers_mode": row.answers_mode,
            "deadline_at": row.deadline_at or "",
            "budget": "" if row.budget is None else f"{row.budget.normalize():f}",
        }
        super().__init__(data, initial=initial)
        if row.currency not in CURRENCIES:
            self.fields["currency"] = forms.ChoiceField(label="Currency", choices=[(row.currency, row.currency)])
        tools = object_tools_of(project=row) or tuple(SHAPES)
        words = {"noun": noun_of(tools).with_article, "measure": measure_of(tools).capitalize()}
        for name, (label, help_text) in (MAIN | ANSWERS | ADVANCED | PAY | QUEUE).items():
            field = PolicyField(name, label.format(**words), help_text.format(**words))
            field.required = name not in PAY or name in self.data
            self.fields[name] = field
            self.initial[name] = field.shown(getattr(row, name))

    def main(self) -> list[forms.BoundField]:
        return [self[name] for name in ("price", "currency", "budget", *MAIN)]

    def answers(self) -> list[forms.BoundField]:
        return [self[name] for name in ANSWERS]

    def modes(self) -> list[dict[str, Any]]:
        """The ways to choose the number of answers, each with whether it is chosen."""
        chosen = self["answers_mode"].value() or self.initial["answers_mode"]
        return [
            {"value": value, "label": label, "help": text, "chosen": value == chosen} for value, label, text in MODES
        ]

    def pay(self) -> list[forms.BoundField]:
        return [self[name] for name in PAY_NAMES]

    def has_pay_errors(self) -> bool:
        return any(name in self.errors for name in PAY_NAMES)

    def advanced(self) -> list[forms.BoundField]:
        return [self[name] for name in ADVANCED]

    def queue(self) -> list[forms.BoundField]:
        return [self[name] for name in ("priority", "deadline_at", "images_per_day", "share_per_worker")]

    def has_advanced_errors(self) -> bool:
        return any(name in self.errors for name in ADVANCED)

    def has_queue_errors(self) -> bool:
        return any(name in self.errors for name in (*QUEUE, "deadline_at"))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if {"answers_min", "answers_max"} <= data.keys():
            self._clean_answers(data)
        if data.get("set_minutes", 0) * 60 > data.get("lease_seconds", math.inf):
            self.add_error("set_minutes", "This is longer than the time per set. Lower it, or raise the time per set.")
        if {"split_train", "split_val"} <= data.keys() and data["split_train"] + data["split_val"] > 1 + 1e-9:
            self.add_error("split_val", "Training and validation add up to more than 100%. Lower one of them.")
        return data

    def _clean_answers(self, data: dict[str, Any]) -> None:
        least, most = data["answers_min"], data["answers_max"]
        if data.get("answers_mode") == AnswersMode.FIXED:
            data["answers_max"] = least
        elif data.get("answers_mode") == AnswersMode.DYNAMIC:
            if most <= least:
                self.add_error("answers_max", "This must be above the answers per image. Raise it, or choose Fixed.")
        elif least > most:
            # More answers than the maximum raise the maximum, as long as it is unchanged.
            if "answers_max" in self.changed_data:
                self.add_error("answers_max", "This cannot be below the answers per image. Raise it.")
            else:
                data["answers_max"] = least
        elif least == 1 and {"answers_min", "answers_max"} & {*self.changed_data} == {"answers_min"}:
            # Teams give each image one answer, followed by a review: no further answers unless the maximum is set.
            data["answers_max"] = 1

    def policy(self) -> dict[str, Any]:
        """Return the cleaned values under the names that the service expects."""
        data = self.cleaned_data
        values = {name: data[name] for name in ("currency", "deadline_at", *MAIN, *ANSWERS, *ADVANCED, *QUEUE)}
        if "budget" in self.data:
            values["budget"] = None if data["budget"] is None else str(data["budget"])
        if data.get("pay_by"):
            floor = data["hourly_floor"]
            values["pay_by"], values["hourly_floor"] = data["pay_by"], None if floor is None else str(floor)
        values |= {name: data[name] for name in PAY if name in self.data}
        return values | {"price": str(data["price"])}


class ProjectForm(PolicyForm):
    """A new project. Classes are sent separately, as repeated fields `class_name` and `class_color`."""

    name = forms.CharField(
        label="Name",
        max_length=120,
        error_messages={"required": "Give the project a name.", "max_length": "Shorten the name to 120 characters."},
        widget=forms.TextInput(attrs={"placeholder": "Street signs, spring", "autocomplete": "off"}),
    )
    tools = forms.MultipleChoiceField(
        label="What to label",
        choices=lambda: [(name, tool.title) for name, tool in label_tools().items()],
        error_messages={"required": "Choose at least one way to label."},
        widget=forms.CheckboxSelectMultiple,
    )
    instructions = forms.CharField(
        label="Instructions",
        required=False,
        max_length=20_000,
        help_text="What workers read before they start: what counts, what does not, and what to do when in doubt.",
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    organisation = forms.UUIDField(required=False)


def class_rows(data: Any) -> list[dict[str, str]]:
    """Return the submitted class rows without empty names, each with its color and, if it has one, its number."""
    names, colors, numbers = (data.getlist(f"class_{part}") for part in ("name", "color", "number"))
    rows: list[dict[str, str]] = []
    for index, name in enumerate(names):
        if name.strip():
            color = colors[index] if index < len(colors) else ""
            number = numbers[index] if index < len(numbers) else ""
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
