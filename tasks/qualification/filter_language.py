"""The language of worker filters: a parser, and one SQL condition for an expression. Pure: no Django.

    skill.cats >= 0.8 and (country in (DE, AT, CH) or language = de) and not device = phone

    expression := term ("or" term)*            term := factor ("and" factor)*
    factor     := "not" factor | "(" expression ")" | condition
    condition  := "skill." NAME (COMPARISON NUMBER)?
                | ("country" | "language" | "device") ("=" | "!=") WORD
                | ("country" | "language" | "device") "not"? "in" "(" WORD ("," WORD)* ")"

`skill.cats` alone: the worker has a value of that skill, whatever it is. A comparison is false for a worker who has no
value; what a worker has not said of themselves is no country, no language and no device, so `!=` is true of it. Nothing
of the text gets into the SQL: words and numbers are parameters, and the names of columns come from here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_LENGTH, MAX_CONDITIONS, MAX_DEPTH = 1000, 50, 20
FIELDS = ("country", "language", "device")
DEVICES = ("phone", "tablet", "desktop")
COMPARISONS = (">=", "<=", "!=", ">", "<", "=")
_TOKEN = re.compile(
    r"\s*(?:(?P<word>[A-Za-z_][A-Za-z0-9_.-]*)|(?P<number>-?\d+(?:\.\d+)?)|(?P<mark>>=|<=|!=|==|[><=(),]))"
)
_SKILL = re.compile(r"skill\.([a-z][a-z0-9_]{0,39})")
_WORDS = {
    "country": (re.compile(r"[A-Z]{2}"), "a country is two letters, such as DE"),
    "language": (re.compile(r"[a-z]{2,3}"), "a language is two or three letters, such as de"),
    "device": (re.compile("|".join(DEVICES)), f"a device is {', '.join(DEVICES[:-1])} or {DEVICES[-1]}"),
}


class FilterError(ValueError):
    """What is wrong with an expression, with the position of the character, from 1."""

    def __init__(self, sentence: str, position: int) -> None:
        super().__init__(f"{sentence} (character {position})")
        self.position = position


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number or mark; kind "end" behind the last one."""

    kind: str
    text: str
    position: int

    @property
    def shown(self) -> str:
        return f"“{self.text}”" if self.kind != "end" else "the end"


@dataclass(frozen=True, slots=True)
class HasSkill:
    """comparison and value are None if any value will do."""

    skill: str
    comparison: str | None = None
    value: float | None = None


@dataclass(frozen=True, slots=True)
class IsOneOf:
    """A field of the worker's profile is one of these words, or is none of them."""

    name: str
    words: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    part: Expression


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Expression, ...]


Expression = HasSkill | IsOneOf | Not | AllOf | AnyOf


def parse(text: str) -> Expression | None:
    """Return the expression, None for an empty text. Raises FilterError with what is wrong and how to mend it."""
    if len(text) > MAX_LENGTH:
        raise FilterError(f"A filter has at most {MAX_LENGTH:,} characters.", MAX_LENGTH)
    tokens = _tokens(text)
    return None if tokens[0].kind == "end" else _Parser(tokens).parse()


def skills_of(expression: Expression | None) -> frozenset[str]:
    """Return the names of the skills in an expression."""
    if isinstance(expression, HasSkill):
        return frozenset({expression.skill})
    if isinstance(expression, Not):
        return skills_of(expression.part)
    if isinstance(expression, AllOf | AnyOf):
        return frozenset().union(*(skills_of(part) for part in expression.parts))
    return frozenset()


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            position = at + len(text[at:]) - len(text[at:].lstrip())
            raise FilterError(f"“{text[position]}” means nothing here. Remove it.", position + 1)
        kind = str(found.lastgroup)
        tokens.append(Token(kind, found[kind], found.start(kind) + 1))
        at = found.end()
    return [*tokens, Token("end", "", len(text) + 1)]


class _Parser:
    """A recursive descent over the tokens, one method for each rule."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens, self._at, self._conditions = tokens, 0, 0

    def parse(self) -> Expression:
        expression = self._any_of(0)
        if self._next.kind != "end":
            raise FilterError(f"Expected “and” or “or” before {self._next.shown}.", self._next.position)
        return expression

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _is_word(self, word: str) -> bool:
        return self._next.kind == "word" and self._next.text.lower() == word

    def _any_of(self, depth: int) -> Expression:
        parts = [self._all_of(depth)]
        while self._is_word("or"):
            self._take()
            parts.append(self._all_of(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all_of(self, depth: int) -> Expression:
        parts = [self._factor(depth)]
        while self._is_word("and"):
            self._take()
            parts.append(self._factor(depth))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _factor(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise FilterError(f"Parentheses and “not” can be nested {MAX_DEPTH} deep at most.", self._next.position)
        if self._is_word("not"):
            self._take()
            return Not(self._factor(depth + 1))
        if self._next.text == "(":
            self._take()
            inner = self._any_of(depth + 1)
            self._expect(")", "close the parenthesis")
            return inner
        return self._condition()

    def _condition(self) -> Expression:
        token = self._take()
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise FilterError(f"A filter has at most {MAX_CONDITIONS} conditions.", token.position)
        if token.kind == "word" and token.text in FIELDS:
            return self._field(token.text)
        if token.kind == "word" and token.text.startswith("skill."):
            return self._skill(token)
        raise FilterError(
            f"Expected a condition instead of {token.shown}: skill.NAME, {', '.join(FIELDS[:-1])} or {FIELDS[-1]}.",
            token.position,
        )

    def _skill(self, token: Token) -> HasSkill:
        name = _SKILL.fullmatch(token.text)
        if name is None:
            raise FilterError(
                f"{token.shown} is no skill. Its name is lower-case letters, digits and _, as in skill.cats.",
                token.position,
            )
        if self._next.text not in (*COMPARISONS, "=="):
            return HasSkill(name[1])
        comparison = self._take().text
        number = self._take()
        if number.kind != "number":
            raise FilterError(f"Expected a number after {comparison} instead of {number.shown}.", number.position)
        return HasSkill(name[1], "=" if comparison == "==" else comparison, float(number.text))

    def _field(self, name: str) -> IsOneOf:
        if self._next.text in ("=", "==", "!="):
            comparison = self._take().text
            return IsOneOf(name, (self._word(name),), comparison == "!=")
        negated = self._is_word("not")
        if negated:
            self._take()
        if not self._is_word("in"):
            raise FilterError(
                f"Expected =, != or “in” after {name} instead of {self._next.shown}.", self._next.position
            )
        self._take()
        self._expect("(", "begin the list")
        words = [self._word(name)]
        while self._next.text == ",":
            self._take()
            words.append(self._word(name))
        self._expect(")", "close the list")
        return IsOneOf(name, tuple(words), negated)

    def _word(self, name: str) -> str:
        token = self._take()
        pattern, meaning = _WORDS[name]
        text = token.text.upper() if name == "country" else token.text.lower()
        if token.kind != "word" or pattern.fullmatch(text) is None:
            raise FilterError(f"{token.shown} cannot be compared with {name}: {meaning}.", token.position)
        return text

    def _expect(self, symbol: str, purpose: str) -> None:
        token = self._take()
        if token.text != symbol:
            raise FilterError(f"Expected {symbol} to {purpose} instead of {token.shown}.", token.position)


@dataclass(slots=True)
class Condition:
    """An SQL condition with named parameters (psycopg): `f0`, `f1` ..., which no other statement uses."""

    sql: str = ""
    params: dict[str, Any] = field(default_factory=dict)


#: `worker` is the SQL expression of the worker's row id, `person` the alias of their row of accounts_user.
_SKILL_SQL = """EXISTS (
    SELECT FROM tasks_skillvalue v JOIN tasks_skill k ON k.id = v.skill_id
    WHERE v.worker_id = {worker} AND v.is_current AND v.value IS NOT NULL
      AND k.organisation_id = {organisation} AND k.name = %({name})s{more})"""
_FIELD_SQL = {
    "country": "coalesce({person}.country, '') = ANY(%({name})s::text[])",
    "language": "coalesce({person}.languages::text[], '{{}}') && %({name})s::text[]",
    "device": "coalesce({person}.device, '') = ANY(%({name})s::text[])",
}


def to_sql(expression: Expression, *, worker: str, person: str, organisation: str) -> Condition:
    """Return one condition for an expression, of SQL expressions that the caller's statement has."""
    condition = Condition()
    names = {"worker": worker, "person": person, "organisation": organisation}
    condition.sql = _sql(expression, names, condition.params)
    return condition


def _sql(expression: Expression, names: dict[str, str], params: dict[str, Any]) -> str:
    if isinstance(expression, Not):
        return f"NOT ({_sql(expression.part, names, params)})"
    if isinstance(expression, AllOf | AnyOf):
        word = " AND " if isinstance(expression, AllOf) else " OR "
        return f"({word.join(_sql(part, names, params) for part in expression.parts)})"
    if isinstance(expression, HasSkill):
        return _skill_sql(expression, names, params)
    sql = _FIELD_SQL[expression.name].format(name=_put(list(expression.words), params), **names)
    return f"NOT ({sql})" if expression.negated else f"({sql})"


def _skill_sql(expression: HasSkill, names: dict[str, str], params: dict[str, Any]) -> str:
    more = ""
    if expression.comparison is not None:
        assert expression.comparison in COMPARISONS
        comparison = "<>" if expression.comparison == "!=" else expression.comparison
        more = f" AND v.value {comparison} %({_put(expression.value, params)})s::float8"
    return _SKILL_SQL.format(name=_put(expression.skill, params), more=more, **names)


def _put(value: Any, params: dict[str, Any]) -> str:
    name = f"f{len(params)}"
    params[name] = value
    return name
