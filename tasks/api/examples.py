"""Examples of request bodies for the OpenAPI document, whose linter checks them against their schemas."""

from typing import Any

from annotary_core.labels.shapes import SHAPES

HASH = "5f38ff848c1dd34fac924b71afc0db7ac6d377c6f947351c434bcb2e81fbcd88"
OTHER_ID = "5a0d7b9c-93f1-4f0e-8f6a-8d1f6a2f2b10"
ID = "0b6f2c1e-4f3a-4c58-9c1d-2f1f0f7f5a11"
#: For each shape, an answer with one object.
DRAWN: dict[str, dict[str, Any]] = {
    shape.noun.many.capitalize(): {
        "verdict": "labels",
        "objects": [{"id": "a", "class": 1, "tool": shape.name, "geom": shape.example}],
    }
    for shape in SHAPES.values()
}
#: The shape of examples that need one alone, and an answer with it.
SHAPE = next(iter(SHAPES.values()))
ACTION = SHAPE.action.capitalize()
OBJECTS = DRAWN[SHAPE.noun.many.capitalize()]
CLASS: dict[str, Any] = {"verdict": "labels", "image": {"class": 2}}
EMPTY: dict[str, Any] = {"verdict": "empty"}

ANSWERS = {
    **{name: {"answer": answer, "seconds": 7.5} for name, answer in DRAWN.items()},
    "A class of the image": {"answer": CLASS, "seconds": 2.1},
    "Nothing to label": {"answer": EMPTY},
    "Cannot tell": {"answer": {"verdict": "cannot_tell"}},
}
ANSWERS_TOGETHER = {
    "Two answers": {
        "answers": [
            {"assignment": ID, "key": "3e1c", "answer": OBJECTS, "seconds": 7.5},
            {"assignment": OTHER_ID, "key": "9b20", "answer": EMPTY},
        ]
    }
}
SKIP = {"With a reason": {"reason": "unclear_image", "note": "Only the left half is there."}, "Without": {}}
SET_ASIDE = {"Two images": {"ids": [ID, OTHER_ID]}}
PROJECT = {
    f"{SHAPE.noun.many.capitalize()} around animals": {
        "name": "Strays",
        "classes": [{"name": "cat"}, {"name": "dog", "color": "#0072b2"}],
        "tools": [SHAPE.name],
        "instructions": f"{ACTION} each animal.",
        "policy": {"answers_min": 3, "answers_max": 5, "price": "0.02", "currency": "USD"},
    }
}
CLASSES = {
    "Rename a class and add one": {"classes": [{"number": 1, "name": "kitten"}, {"name": "dog"}, {"name": "fox"}]}
}
MERGE: dict[str, Any] = {"kind": "merge", "classes": [2], "into": 1}
SPLIT: dict[str, Any] = {
    "kind": "split",
    "classes": [1],
    "new": [{"name": "house cat"}, {"name": "wildcat"}],
    "labels": "ask_again",
}
CLASS_EDIT = {"Merge": MERGE, "Split": SPLIT}
CLASS_CHANGE = {
    "Merge": {**MERGE, "version": 1, "reason": "Workers cannot tell them apart."},
    "Split": {**SPLIT, "version": 1, "reason": "The customer needs both."},
    "Rename": {"kind": "rename", "classes": [1], "name": "kitten", "version": 1, "reason": "A clearer name."},
    "Retire": {"kind": "retire", "classes": [2], "labels": "keep", "version": 1, "reason": "Not needed any more."},
}
POLICY = {
    "Another price and more answers": {"price": "0.03", "answers_max": 7},
    "Before other projects, with a deadline": {"priority": 10, "deadline_at": "2027-03-31T18:00:00Z"},
    "At most 200 images a day and a fifth of all for each worker": {"images_per_day": 200, "share_per_worker": 0.2},
}
DELETION = {"By its name": {"confirm": "Strays"}}
INSTRUCTIONS: dict[str, dict[str, Any]] = {
    "Instructions": {"body": f"{ACTION} each animal, also if only a part of it can be seen."},
    "Workers confirm them": {"body": f"{ACTION} each animal, pets too.", "important": True},
}
CONFIRMATION = {"The version that was read": {"version": 2}}
INVITATION = {"For 20 workers": {"role": "worker", "max_uses": 20}}
ACCEPT = {"A token from a link": {"token": "k3vJx0m2VqHq1B8nS5oZc7dYp4rT6wUa"}}
API_KEY = {"For a pipeline": {"name": "pipeline", "scopes": ["read"]}}
ORGANISATION = {"An organization": {"name": "Aviary"}}
BATCH: dict[str, dict[str, Any]] = {
    "Before all others": {"priority": 10},
    "Due on a Friday evening": {"deadline_at": "2035-01-05T18:00:00Z"},
    "No deadline": {"deadline_at": None},
}
GOLD = {name: {"image": ID, "answer": answer} for name, answer in DRAWN.items()}
GOLD_CHANGE = {"Objects may overlap less": {"tolerance": {"iou": 0.4, "misses": 1}}}
PROMOTION = {"Ten labels": {"count": 10}}
QUALIFICATION: dict[str, dict[str, Any]] = {
    "An exam of ten images": {"name": "Cats and dogs", "pass_mark": 0.8, "exam_images": 10, "attempts": 3},
    "All else as usual": {"name": "Boxes, advanced"},
}
QUALIFICATION_CHANGE: dict[str, dict[str, Any]] = {
    "Open it": {"state": "open"},
    "A shorter exam, twice a week": {"exam_images": 6, "wait_hours": 84},
}
QUALIFICATION_IMAGE = {
    name: {"image": ID, "use": "practice", "answer": answer, "explanation": "The tail counts, too."}
    for name, answer in DRAWN.items()
}
WORKER_FILTER = {
    "A skill and countries": {"filter": "skill.cats >= 0.8 and country in (DE, AT, CH)"},
    "Not on phones": {"filter": "device != phone"},
    "Everybody": {"filter": ""},
}
SKILL: dict[str, dict[str, Any]] = {
    "A value": {"skill": "cats", "value": 0.9},
    "Take it away": {"skill": "cats", "value": None},
}
SKILLS_FILE = {"One worker": {"csv": f"worker,skill,value\n{ID},cats,0.9\n"}}
_PEOPLE = "email,team,skill.cats\njo@example.org,,0.9\nkim@example.org,,\n"
PEOPLE = {"Two people": {"csv": _PEOPLE, "skip_problems": False}}
PEOPLE_PREVIEW = {"Two people": {"csv": _PEOPLE, "action": "invite"}}
TEAM = {"A customer's": {"name": "Harbor"}}
TEAM_CHANGE: dict[str, dict[str, Any]] = {"Another lead": {"lead": ID}, "Nobody leads it": {"lead": None}}
TEAM_MEMBER = {"A worker": {"worker": ID}}
APPLY = {"A note": {"note": "I have labeled X-ray images for two years."}}
APPLY_BY_LINK = {"A note": {"token": "Zm94", "note": "I have labeled X-ray images for two years."}}
APPLICATION_DECISION = {"A reason": {"reason": "We have enough people for now."}}
REQUIREMENTS: dict[str, dict[str, Any]] = {"One": {"qualifications": [ID]}, "None": {"qualifications": []}}
ATTEMPT = {"Practice": {"kind": "practice"}, "The exam": {"kind": "exam", "number": 1}}
RENAMED = {
    "Another name": {"name": "Aviary of Ghent"},
    "At most two sets in progress": {"live_sets": 2},
}
ROLE = {"A reviewer": {"role": "reviewer"}}
SIGN_OUT = {"Keep API keys": {"revoke_keys": False}}
PREDICTIONS = {
    "Two classes": {
        "model": "resnet-50",
        "predictions": [{"image": ID, "probabilities": {"1": 0.9, "2": 0.1}}],
    }
}
DECISION = {"Some changes": {"ids": [ID]}, "The whole list": {"token": HASH}}
RETRACT = {"A reason": {"reason": "The classes cat and dog were swapped."}}
EXPORT = {"COCO": {"format": "coco"}}
REPAIR_PREVIEW: dict[str, dict[str, Any]] = {"All answers": {}, "Since a time": {"since": "2026-11-01T08:00:00Z"}}
REPAIR: dict[str, dict[str, Any]] = {
    "All answers; pay stays": {"reason": "Random answers on check images and work alike."},
    "Since a time; pay is taken back": {
        "reason": "A script answers since then.",
        "since": "2026-11-01T08:00:00Z",
        "pay": "take_back",
    },
}
REPAIR_PREVIEWS = {"All answers": {"worker": ID}}
REPAIRS = {"All answers; pay stays": {"worker": ID, "reason": "Random answers everywhere."}}
UNDO = {"A reason": {"reason": "It was another worker."}}
BLOCK = {"A reason": {"worker": ID, "reason": "Answers with a script."}}
REASON = {"A reason": {"reason": "On holiday until Monday."}}
APPEAL = {"A statement": {"statement": "The ears and the tail are those of a fox."}}
APPEAL_DECISION: dict[str, dict[str, Any]] = {
    "Upheld": {"uphold": True, "reason": "You are right, it is a fox."},
    "Denied": {"uphold": False, "reason": "The tail is too short for a fox."},
}
DRAFT: dict[str, dict[str, Any]] = {
    "A reason and a region": {"reason": "The second cat is missing.", "region": {"x": 40, "y": 60, "w": 90, "h": 70}},
    "To be corrected": {"reason": "The second cat is missing.", "send_back": True},
}
CLASS_CHECK = {
    "One of two labels is wrong": {
        "class": 1,
        "labels": [{"task": ID, "label_hash": HASH}, {"task": OTHER_ID, "label_hash": HASH, "wrong": True}],
    }
}
REVIEW: dict[str, dict[str, Any]] = {
    "Approve": {"label_hash": HASH, "verdict": "approve"},
    "Fix": {"label_hash": HASH, "verdict": "fix", "answer": OBJECTS},
    "Reject": {"label_hash": HASH, "verdict": "reject", "reason": "The second cat is missing."},
    "Send back": {
        "label_hash": HASH,
        "verdict": "reject",
        "reason": "The second cat is missing.",
        "region": {"x": 40, "y": 60, "w": 90, "h": 70},
        "send_back": True,
    },
}
REVIEWS = {
    "Two verdicts": {
        "reviews": [
            {"task": ID, **REVIEW["Approve"]},
            {"task": OTHER_ID, **REVIEW["Reject"]},
        ]
    }
}
REVIEW_STAGES: dict[str, dict[str, Any]] = {
    "Check, expert, customer": {
        "stages": [
            {"name": "Check", "price": "0.02"},
            {"name": "Expert", "labels": "doubtful", "share": 0.8, "people_filter": "skill.birds >= 0.9"},
            {"name": "Customer", "role": "client", "labels": "share", "share": 0.1},
        ]
    },
    "No stages": {"stages": []},
}
PAYOUT = {"Until the end of a month": {"until": "2027-03-31T23:59:59Z"}, "Until now": {}}
BONUS = {"For careful work": {"amount": "5.00", "reason": "The most careful polygons of the week."}}
EARLY_APPROVAL = {
    "Of a worker": {"worker": "8f7b7a34-3f4e-4a8c-9d57-0d2f3c1b5a60"},
    "Of the sets of a batch, as you saw it": {
        "batch": "5d0c0f3e-8a55-4a4f-8d0e-6f0b8c2f7f11",
        "until": "2027-03-31T23:59:59Z",
    },
}
QUESTION = {"A question": {"text": "Does a cat behind a window count?"}}
QUESTION_ANSWER = {"An answer": {"text": "Label what you can see of it, also through glass.", "messages": 1}}
QUESTION_CLOSE = {"A question with one message": {"messages": 1}}
QUESTION_RULE = {"A rule": {"text": "Animals behind glass count. Label what you can see of them."}}
NOTICES_READ = {"Two of them": {"ids": [ID, OTHER_ID]}, "All": {}}
NOTICE_MAIL = {"Money at once, nothing about new work": {"money_paid": "once", "work_opened": "never"}}
