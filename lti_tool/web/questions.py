"""Questions as forms: what stands on the page of each kind, and the answer that comes back.

Options are named by their index in the item as stored, whatever order they are shown in; the answer
is a `competency.scoring` response. Ordering keeps its state in the address, so every move is a POST
and a short page, and works without script.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flask import url_for
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from competency.errors import IncompleteResponse
from competency.items import Item, Kind, Wording
from competency.packs import Content
from competency.scoring import Response, field_of
from lti_tool.web import plain
from lti_tool.web.formats import language
from lti_tool.web.translate import gettext as _

DONT_KNOW = "dont_know"
_SUFFIX = {Wording.GERMAN: "", Wording.PLAIN: "_plain", Wording.ENGLISH: "_en"}
_CONTROL = {
    "choice": "radio",
    "choices": "checkbox",
    "done": "checkbox",
    "order": "ordering",
    "targets": "selects",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing of the pack: its inner SVG, drawn with the page's own classes."""

    body: Markup
    width: str
    height: str
    alt: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One option, step or row as it is shown."""

    value: int
    text: str
    picked: bool = False
    chosen: str = ""  # target, for matching and categorize
    missing: bool = False
    moved: bool = False
    focus: str = ""  # the button that gets the focus back: up | down


@dataclass(frozen=True, slots=True)
class Missing:
    """Where the page's alert links to."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Spot:
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Form:
    """What the template needs to draw one question."""

    control: str  # radio | checkbox | ordering | selects | groups
    name: str
    stem: str
    hint: str
    options: tuple[Choice, ...]
    submit: str
    skip_label: str
    skip_as_option: bool
    shown: Wording  # stored with the answer
    switch: str = ""  # what the switch of Einfache Sprache asks for; "": none
    self_report: bool = False
    private: bool = False
    later: bool = False
    skipped: bool = False
    picture: Picture | None = None
    sound: str = ""  # address of a recording in this wording
    spots: tuple[Spot, ...] = ()
    targets: tuple[tuple[str, str], ...] = ()
    order: str = ""
    said: str = ""
    moved_template: str = ""
    missing: Missing | None = None

    @property
    def missing_title(self) -> str:
        return _("One choice is still missing")


@dataclass(frozen=True, slots=True)
class Move:
    """The last move of an ordering: which step, and which way."""

    option: int
    way: str  # up | down


def worded(part: object, name: str, wording: Wording) -> str:
    """Return a text of a question in this wording; German where it has no other."""
    own = str(getattr(part, f"{name}{_SUFFIX[wording]}", ""))
    return own or str(getattr(part, name))


def form_of(
    item: Item, order: Sequence[int], content: Content, *, bank: str = "", easy: bool
) -> Form:
    """Return the empty form of a question of this bank (the newest), its options in this order.

    `easy`: in Einfache Sprache, where there is such a text.
    """
    field = field_of(item.kind)
    wording = item.wording(language(), plain=easy)
    control = "groups" if item.kind is Kind.CATEGORIZE else _CONTROL[field]
    texts = [Choice(i, worded(item.options[i], "text", wording)) for i in order]
    if item.spots:
        texts = [replace(c, text=f"{n}. {c.text}") for n, c in enumerate(texts, start=1)]
    return Form(
        control=control,
        name=field,
        stem=worded(item, "stem", wording),
        hint=_hint(item),
        options=tuple(texts),
        submit=_submit(item),
        skip_label=_("I don’t know"),
        skip_as_option=control in ("radio", "checkbox") and item.kind is not Kind.PRACTICAL_TASK,
        shown=wording,
        switch=plain.switch(easy=easy),
        self_report=item.self_report,
        private=not item.scored,
        later=item.kind is Kind.PRACTICAL_TASK,
        picture=_picture(item, content, bank, wording),
        sound=_sound(item, content, bank, wording),
        spots=tuple(Spot(*item.spots[i]) for i in order) if item.spots else (),
        targets=_targets(item, order, wording),
    )


def ordered(form: Form, order: Sequence[int], move: Move | None = None) -> Form:
    """Return an ordering with its steps in this order, and what the last move did."""
    texts = {c.value: c.text for c in form.options}
    options = tuple(
        Choice(
            value,
            texts[value],
            moved=move is not None and value == move.option,
            focus=_focus(place, len(order), move) if move and value == move.option else "",
        )
        for place, value in enumerate(order)
    )
    return replace(
        form,
        options=options,
        order="-".join(str(n) for n in order),
        said=_said(texts, order, move) if move else "",
        moved_template=_moved("{text}", "{place}", "{count}"),
    )


def as_moved(form: Form, start: Sequence[int], args: MultiDict[str, str]) -> Form:
    """Return an ordering as the address of the page says it stands after a move."""
    order = parse_order(args.get("order", ""), start)
    move = parse_move(args.get("up", ""), args.get("down", ""))
    return ordered(form, order, move if move and move.option in order else None)


def after_move(item: Item, start: Sequence[int], sent: MultiDict[str, str]) -> str:
    """Return the query of the page after a move of an ordering; "" if nothing moved."""
    move = parse_move(sent.get("up", ""), sent.get("down", ""))
    if move is None or item.kind is not Kind.ORDERING:
        return ""
    after = "-".join(str(n) for n in moved(parse_order(sent.get("order", ""), start), move))
    # Plain text on purpose: the query of a short page, built from numbers only.
    return f"?order={after}&{move.way}={move.option}"


def parse_order(raw: str, start: Sequence[int]) -> tuple[int, ...]:
    """Return the order named in an address or form; the one shown first if it is not one."""
    found = (
        tuple(int(n) for n in raw.split("-")) if re.fullmatch(r"\d{1,2}(-\d{1,2})*", raw) else ()
    )
    return found if sorted(found) == sorted(start) else tuple(start)


def parse_move(up: str, down: str) -> Move | None:
    """Return the button that was pressed in an ordering."""
    for way, raw in (("up", up), ("down", down)):
        if raw.isdecimal() and len(raw) <= 2:
            return Move(int(raw), way)
    return None


def moved(order: Sequence[int], move: Move) -> tuple[int, ...]:
    """Return the order after a move; at either end nothing happens."""
    result = list(order)
    if move.option in result:
        here = result.index(move.option)
        there = max(0, min(len(result) - 1, here + (-1 if move.way == "up" else 1)))
        result[here], result[there] = result[there], result[here]
    return tuple(result)


def response_of(item: Item, order: Sequence[int], sent: MultiDict[str, str]) -> Response:
    """Return the answer in a submitted form; it may be incomplete (see `scoring.validate`)."""
    field = field_of(item.kind)
    if sent.get("do") == DONT_KNOW or (field == "choice" and sent.get(field) == DONT_KNOW):
        return {DONT_KNOW: True}
    if field == "choice":
        return {field: _index(sent.get(field))}
    if field == "order":
        return {field: list(parse_order(sent.get("order", ""), order))}
    if field == "targets":
        return {field: [sent.get(f"m{n}", "") for n in range(len(item.options))]}
    picked = [n for n in (_index(raw) for raw in sent.getlist(field)) if n is not None]
    if not picked and sent.get(DONT_KNOW):
        return {DONT_KNOW: True}
    return {field: picked}


def skip_was_ignored(item: Item, sent: MultiDict[str, str]) -> bool:
    """Return whether "I don't know" was ticked beside other answers, which then win."""
    several = field_of(item.kind) in ("choices", "done")
    return several and bool(sent.get(DONT_KNOW)) and bool(sent.getlist(field_of(item.kind)))


def filled(form: Form, response: Response) -> Form:
    """Return the form with an answer in it, as it was sent."""
    if DONT_KNOW in response:
        return replace(form, skipped=True)
    value = next(iter(response.values()))
    if form.control == "ordering":
        return ordered(form, _indices(value))
    if form.control in ("selects", "groups"):
        given = value if isinstance(value, list) else []
        return replace(
            form, options=tuple(replace(c, chosen=str(given[c.value])) for c in form.options)
        )
    picked = _indices(value) if isinstance(value, list) else (value,)
    return replace(form, options=tuple(replace(c, picked=c.value in picked) for c in form.options))


def lacking(form: Form, _error: IncompleteResponse) -> Form:
    """Return the form with the place where a choice is missing."""
    if form.control in ("selects", "groups"):
        options = tuple(replace(c, missing=not c.chosen) for c in form.options)
        first = next((c for c in options if c.missing), options[0])
        return replace(form, options=options, missing=Missing(f"m{first.value}", first.text))
    return replace(form, missing=Missing("o1", _("the answers")))


def _index(raw: str | None) -> int | None:
    return int(raw) if raw is not None and raw.isdecimal() and len(raw) <= 2 else None


def _indices(value: object) -> tuple[int, ...]:
    return tuple(n for n in value if isinstance(n, int)) if isinstance(value, list | tuple) else ()


def _submit(item: Item) -> str:
    if item.kind is Kind.ORDERING:
        return _("This order is right")
    return _("I am done") if item.kind is Kind.PRACTICAL_TASK else _("Save answer")


def _hint(item: Item) -> str:
    hints = {
        Kind.MULTIPLE_RESPONSE: _("Several answers are right."),
        Kind.ORDERING: _("Tap “Up” or “Down” until the order is right."),
        Kind.HOTSPOT: _("There are several places. Tap the picture or the list."),
        Kind.PRACTICAL_TASK: _("Do it now or later. Then tick what you have done.")
        + " "
        + _("Write down no names and nothing about anybody’s health."),
    }
    return hints.get(item.kind, "")


def _targets(item: Item, order: Sequence[int], wording: Wording) -> tuple[tuple[str, str], ...]:
    # Sorted by text: in the order of the options the solution would lie beside the question.
    found: Mapping[str, str] = {
        item.options[i].target: worded(item.options[i], "target", wording)
        for i in order
        if item.options[i].target
    }
    return tuple(sorted(found.items(), key=lambda pair: pair[1].casefold()))


def _focus(place: int, count: int, move: Move | None) -> str:
    """Return the button to focus: the pressed one, or the other where that one is gone."""
    if move is None:
        return ""
    if move.way == "up":
        return "up" if place > 0 else "down"
    return "down" if place < count - 1 else "up"


def _said(texts: Mapping[int, str], order: Sequence[int], move: Move) -> str:
    place = order.index(move.option) + 1
    return _moved(texts[move.option], str(place), str(len(order)))


def _moved(text: str, place: str, count: str) -> str:
    return _(
        "“%(text)s” is now at place %(place)s of %(count)s.", text=text, place=place, count=count
    )


def _sound(item: Item, content: Content, bank: str, wording: Wording) -> str:
    """Return where a recording is heard. None stands in for another: it would say other words."""
    name = str(getattr(item, f"sound{_SUFFIX[wording]}"))
    pack = bank or content.newest("items").ref
    return url_for("learner.sound", bank=pack, name=name) if name else ""


def _picture(item: Item, content: Content, bank: str, wording: Wording) -> Picture | None:
    """Return the item's drawing. Packs are checked against their checksums when they are loaded."""
    if not item.picture:
        return None
    pack = content.pack("items", bank) if bank else content.newest("items")
    source = pack.file(f"pictures/{item.picture}").read_text(encoding="utf-8")
    head, _mark, body = source.partition(">")
    box = re.search(r'viewBox="0 0 (\d+) (\d+)"', head)
    width, height = box.groups() if box else ("320", "240")
    inner = Markup(body.rpartition("</svg>")[0])  # noqa: S704  (from a sealed pack)
    if language() != "de":
        inner = Markup('<g lang="de">{}</g>').format(inner)  # signs and screens stay German
    return Picture(inner, width, height, worded(item, "picture_alt", wording))
