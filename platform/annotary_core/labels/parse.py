"""Parse an untrusted body into the canonical answer, or raise an error that says what to fix."""

from __future__ import annotations

from collections.abc import Mapping

from annotary_core.labels.answer import VERDICTS, Answer, ImageLabel, LabelObject, Verdict, unique_objects
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.geometry import Frame
from annotary_core.labels.json_reading import (
    read_class_number,
    read_list,
    read_object,
    read_object_id,
    reject_attributes,
    shown,
)
from annotary_core.labels.schema import Schema
from annotary_core.labels.shapes import IMAGE_TOOLS, SHAPES, unavailable_message

MAX_OBJECTS = 1_000
#: Fields that objects of videos will have: the image within a clip, and the id of the object over all of them.
_OF_VIDEOS = ("frame", "track")


def parse_answer(raw: object, *, schema: Schema, width: int, height: int) -> Answer:
    """Return the canonical form of a decoded JSON body for an upright image of width x height pixels.

    Identical objects are merged into one; `merged_count` returns how many were dropped. Idempotent: parsing
    `Answer.to_json()` returns the same answer. Raises AnswerError with a code, a sentence and the path. Limit the
    length of an untrusted body before decoding it.
    """
    body = read_object(raw, path="", allowed=("image", "objects", "verdict"))
    verdict = _read_verdict(body.get("verdict"))
    image = _read_image(body.get("image", {}), schema=schema)
    objects = _read_objects(body.get("objects", []), schema=schema, frame=Frame(width, height))
    answer = Answer(verdict=verdict, image=image, objects=objects)
    _check_verdict(answer, schema=schema)
    return answer


def merged_count(raw: object, answer: Answer) -> int:
    """Return how many objects of the body that was parsed into `answer` were merged into identical ones."""
    objects = raw.get("objects") if isinstance(raw, Mapping) else None
    return len(objects) - len(answer.objects) if isinstance(objects, list | tuple) else 0


def merged_sentence(count: int) -> str:
    """Return the warning about merged objects, without its final full stop."""
    return f"{count} identical {'object was' if count == 1 else 'objects were'} counted only once"


def _read_verdict(raw: object) -> Verdict:
    if not isinstance(raw, str) or raw not in VERDICTS:
        raise AnswerError("bad_verdict", f"The verdict is {shown(raw)}. Send labels, empty or cannot_tell.", "verdict")
    return raw


def _read_image(raw: object, *, schema: Schema) -> ImageLabel:
    body = read_object(raw, path="image", allowed=("class", "tags", "attrs"))
    reject_attributes(body.get("attrs"), path="image.attrs")
    if read_list(body.get("tags", []), path="image.tags"):
        raise AnswerError("unwanted_tags", "This project does not use tags. Leave them out.", "image.tags")
    value = IMAGE_TOOLS["class"].parse(body.get("class"), classes=schema.names, path="image.class")
    if value is not None and not schema.has_image_class:
        raise AnswerError("unwanted_class", "This project does not use an image class. Leave it out.", "image.class")
    return ImageLabel(class_number=value)


def _read_objects(raw: object, *, schema: Schema, frame: Frame) -> tuple[LabelObject, ...]:
    rows = read_list(raw, path="objects")
    if len(rows) > MAX_OBJECTS:
        raise AnswerError(
            "too_many_objects", f"The answer has {len(rows):,} objects. Send at most {MAX_OBJECTS:,}.", "objects"
        )
    objects: list[LabelObject] = []
    seen: set[str] = set()
    for index, row in enumerate(rows):
        item = _read_object(row, schema=schema, frame=frame, path=f"objects[{index}]")
        if item.id in seen:
            raise AnswerError(
                "duplicate_object_id",
                f"Two objects have the id {shown(item.id)}. Use unique ids.",
                f"objects[{index}].id",
            )
        seen.add(item.id)
        objects.append(item)
    return unique_objects(objects)


def _read_object(raw: object, *, schema: Schema, frame: Frame, path: str) -> LabelObject:
    body = read_object(raw, path=path, allowed=("id", "class", "tool", "geom", "attrs", *_OF_VIDEOS))
    _reject_video_fields(body, path=path)
    reject_attributes(body.get("attrs"), path=f"{path}.attrs")
    tool = body.get("tool")
    if not isinstance(tool, str):
        raise AnswerError("wrong_type", f"Send the name of a tool here, not {shown(tool)}.", f"{path}.tool")
    if tool not in SHAPES:
        raise AnswerError("unknown_tool", unavailable_message(tool), f"{path}.tool")
    if tool not in schema.tools:
        raise AnswerError(
            "unwanted_tool", f"This project does not use the tool {tool}. Remove the object.", f"{path}.tool"
        )
    return LabelObject(
        id=read_object_id(body.get("id"), path=f"{path}.id"),
        class_number=read_class_number(body.get("class"), allowed=schema.names, path=f"{path}.class"),
        tool=tool,
        geom=SHAPES[tool].parse(body.get("geom"), frame=frame, path=f"{path}.geom"),
    )


def _reject_video_fields(body: Mapping[str, object], *, path: str) -> None:
    for field in _OF_VIDEOS:
        if body.get(field) is not None:
            raise AnswerError(
                "no_video",
                f"This project labels single images, which have no {field}. Leave the field out.",
                f"{path}.{field}",
            )


def _check_verdict(answer: Answer, *, schema: Schema) -> None:
    """Check that the verdict is consistent with the labels."""
    has_class = answer.image.class_number is not None
    if answer.verdict == "cannot_tell":
        if has_class or answer.objects:
            raise AnswerError(
                "contradiction", 'The verdict "cannot_tell" carries no labels. Remove them or send "labels".', "verdict"
            )
    elif schema.has_image_class and not has_class:
        raise AnswerError(
            "class_missing", "Choose one class for the image, or say that you cannot tell.", "image.class"
        )
    elif answer.verdict == "empty":
        if has_class or answer.objects:
            raise AnswerError(
                "contradiction", 'The verdict "empty" carries no labels. Remove them or send "labels".', "verdict"
            )
    elif not has_class and not answer.objects:
        raise AnswerError(
            "nothing_labelled", 'The answer has no labels. Draw what you see, or say "empty" instead.', "verdict"
        )
