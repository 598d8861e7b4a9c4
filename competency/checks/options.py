"""Options: could somebody who knows nothing of the matter find the right one?

Rules of item writing that can be counted (Haladyna, Downing 2002): the right option is not the
longest, not the one that takes up the question's words, not the one of another form, and the
wrong ones are not wrong because they say "always".
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from competency.checks.findings import WARNING, Finding
from competency.items import Item, Kind, Option
from competency.wording import without_quotations

#: A right option this much longer than every wrong one gives itself away.
GIVE_AWAY = 1.6
GIVE_AWAY_CHARACTERS = 20
#: How far a share over the whole bank may lie from what chance makes of it.
BEYOND_CHANCE = 0.1
#: Fewer questions than this say nothing about shares.
ENOUGH = 20
#: A word this many times as frequent on one side as on the other tells right from wrong.
TELLING = 3.0
TELLING_COUNT = 12
TELLING_WORDS = (
    *("alle", "nur", "jede", "immer", "sofort", "gleich", "kein", "ganz", "zuerst", "ja"),
    *("warte", "prüfe", "melde"),  # what one ought to do, and what one ought not
)
#: Where one option alone joins two things by it, that must tell neither right nor wrong.
JOINING = re.compile(r"\bund\b", re.IGNORECASE)

_ABSOLUTE = re.compile(
    r"\b(immer|nie|niemals|stets|garantiert|ausschließlich|keinesfalls"
    r"|auf (?:jeden|keinen) Fall)\b",
    re.IGNORECASE,
)
_CONTENT = re.compile(r"[^\W\d_]{5,}", re.UNICODE)
_ROOT = 6  # letters in which "Änderung" and "Änderungen" agree
_EMPTY = re.compile(
    r"nicht|(?:k|m)?eine[nmr]|keine|diese[nrs]?|meine|ihre[nmr]|welche|andere"
    r"|haben|werden|können|müssen|sollen|wollen|dürfen"
)
#: First words that are one form: "ein Preis" and "eine Antwort", "bei" and "beim".
_LEADS = {
    word: group[0]
    for group in (
        ("ein", "eine", "einen", "einem", "einer"),
        ("der", "die", "das", "den", "dem"),
        ("bei", "beim"),
        ("zu", "zum", "zur"),
        ("in", "im"),
        ("an", "am"),
    )
    for word in group
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A question with one right option: which, and what stands beside it."""

    item: Item
    right: int

    @property
    def key(self) -> Option:
        return self.item.options[self.right]

    @property
    def wrong(self) -> tuple[Option, ...]:
        return tuple(o for n, o in enumerate(self.item.options) if n != self.right)


def choice_of(item: Item) -> Choice | None:
    """Return the question as a choice of one; None if it is none, or has no clear right option."""
    if item.kind is Kind.SINGLE_CHOICE:
        right = [n for n, o in enumerate(item.options) if o.correct]
    elif item.kind is Kind.SCENARIO:
        best = max(o.points for o in item.options)
        right = [n for n, o in enumerate(item.options) if o.points == best]
    else:
        return None
    return Choice(item, right[0]) if len(right) == 1 and len(item.options) > 1 else None


def give_aways(item: Item) -> Iterator[str]:
    """Yield by what a single question gives its answer away, in its own words and in easy ones."""
    yield from _given_away(item)
    if item.has_plain:
        options = tuple(replace(o, text=o.text_plain or o.text) for o in item.options)
        easy = replace(item, stem=item.stem_plain or item.stem, options=options)
        known = set(_given_away(item))
        yield from (f"in easy words: {m}" for m in _given_away(easy) if m not in known)


def _given_away(item: Item) -> Iterator[str]:
    choice = choice_of(item)
    if choice is None:
        return
    longest = max(len(o.text) for o in choice.wrong)
    beyond = len(choice.key.text) - longest
    if len(choice.key.text) > GIVE_AWAY * longest and beyond > GIVE_AWAY_CHARACTERS:
        yield "the right option is much longer than every other"
    if echo := _echo(choice):
        yield f"only the right option takes up the question's word: {', '.join(sorted(echo))}"
    if not _ABSOLUTE.search(choice.key.text):
        for option in choice.wrong:
            if found := _ABSOLUTE.search(option.text):
                yield f"a wrong option gives itself away by {found[0]!r}"
    if form := _odd_form(choice):
        yield f"only the right option {form}"


def _echo(choice: Choice) -> set[str]:
    # The topic stands above the question, and is read first.
    stem = _roots(f"{choice.item.topic} {choice.item.stem}")
    if any(stem & _roots(o.text) for o in choice.wrong):
        return set()
    return stem & _roots(choice.key.text)


def _roots(text: str) -> set[str]:
    roots = {word.casefold()[:_ROOT] for word in _CONTENT.findall(text)}
    return {root for root in roots if not _EMPTY.fullmatch(root)}


def _odd_form(choice: Choice) -> str:
    for says, form in _FORMS:
        others = {form(o.text) for o in choice.wrong}
        if len(others) == 1 and form(choice.key.text) not in others:
            return says
    return ""


def _quoted(text: str) -> object:
    return text.startswith(("„", '"'))


def _ended(text: str) -> object:
    return text.rstrip("“”\"'").endswith((".", "!", "?", "…"))


def _lead(text: str) -> object:
    first = text.strip("„\"'“”").split(maxsplit=1)[0].casefold()
    return _LEADS.get(first, first)


_FORMS = (
    ("is (or is not) a quotation", _quoted),
    ("ends (or does not end) like a sentence", _ended),
    ("begins with another word", _lead),
)


# --- over the whole bank --------------------------------------------------------------------------


def guessable(items: Iterable[Item]) -> Iterator[Finding]:
    """Yield by which rule of thumb somebody would be right more often than by chance."""
    choices = [c for c in map(choice_of, items) if c]
    yield from _positions(choices)
    if len(choices) < ENOUGH:
        return
    chance = sum(1 / len(c.item.options) for c in choices) / len(choices)
    ends: tuple[tuple[str, Callable[[list[int]], int]], ...] = (("longest", max), ("shortest", min))
    for name, most in ends:
        share = sum(_outermost(c, most) for c in choices) / len(choices)
        if share > chance + BEYOND_CHANCE:
            message = f"the {name} option is right in {share:.0%}, by chance in {chance:.0%}"
            yield Finding(WARNING, "items", message)
    yield from _joined(choices)
    yield from _telling_words(choices)


def _joined(choices: Sequence[Choice]) -> Iterator[Finding]:
    """Yield if "I do this and that" tells: promising most is then the answer, or never is."""
    alone = [c for c in choices if sum(_says(JOINING, o) for o in c.item.options) == 1]
    if len(alone) < ENOUGH:
        return
    share = sum(_says(JOINING, c.key) for c in alone) / len(alone)
    chance = sum(1 / len(c.item.options) for c in alone) / len(alone)
    luck = 2 * math.sqrt(chance * (1 - chance) / len(alone))  # two standard errors
    if abs(share - chance) > luck:
        message = f"the only option with 'und' is right in {share:.0%}, by chance in {chance:.0%}"
        yield Finding(WARNING, "items", message)


def _outermost(choice: Choice, most: Callable[[list[int]], int]) -> bool:
    lengths = [len(o.text) for o in choice.item.options]
    right = lengths[choice.right]
    return lengths.count(right) == 1 and right == most(lengths)


def _positions(choices: Sequence[Choice]) -> Iterator[Finding]:
    for size in sorted({len(c.item.options) for c in choices}):
        places = Counter(c.right for c in choices if len(c.item.options) == size)
        if (total := places.total()) < ENOUGH:
            continue
        for place in range(size):
            if abs(places[place] / total - 1 / size) > BEYOND_CHANCE:
                message = f"option {place + 1} of {size} is right in {places[place]} of {total}"
                yield Finding(WARNING, "items", message)


def _telling_words(choices: Sequence[Choice]) -> Iterator[Finding]:
    for word in TELLING_WORDS:
        pattern = re.compile(rf"\b{word}(?:[snrm]|es)?\b", re.IGNORECASE)
        right = sum(_says(pattern, c.key) for c in choices)
        found = [_says(pattern, o) for c in choices for o in c.wrong]
        if right + sum(found) < TELLING_COUNT:
            continue
        shares = sorted((right / len(choices), sum(found) / len(found)))
        if shares[1] > TELLING * shares[0]:
            message = f"{word!r} stands in {right} right and {sum(found)} wrong options"
            yield Finding(WARNING, "items", message)


def _says(pattern: re.Pattern[str], option: Option) -> bool:
    return bool(pattern.search(without_quotations(option.text)))
