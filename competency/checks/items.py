"""One question at a time: does it belong, can it be answered, is it complete, plain and kind?"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise

from competency.checks.findings import ERROR, WARNING, Finding, plain
from competency.checks.options import give_aways
from competency.framework import Framework
from competency.items import Item, Kind, Model
from competency.manifest import Pack
from competency.readability import EASY_WORDS, EASY_WSTF, ease
from competency.scoring import categories
from competency.target import RoleProfile
from competency.wording import (
    MOST_EASY_SENTENCES,
    MOST_SENTENCES,
    hard_words,
    own_health,
    sentences,
    words,
)

#: How many options a kind needs to be a question at all.
FEWEST_OPTIONS: Mapping[Kind, int] = {
    Kind.SINGLE_CHOICE: 3,
    Kind.SCENARIO: 3,
    Kind.MULTIPLE_RESPONSE: 3,
    Kind.HOTSPOT: 3,
    Kind.ORDERING: 3,
    Kind.MATCHING: 3,
    Kind.CATEGORIZE: 3,
    Kind.SELF_RATING: 3,
}
#: Learning outcomes of DigComp 3.0 per competence; their ids run from 01 without a gap.
LEARNING_OUTCOMES: Mapping[str, int] = {
    "1.1": 21, "1.2": 31, "1.3": 35,
    "2.1": 31, "2.2": 20, "2.3": 34, "2.4": 22, "2.5": 21, "2.6": 29,
    "3.1": 25, "3.2": 26, "3.3": 27, "3.4": 39,
    "4.1": 19, "4.2": 26, "4.3": 33, "4.4": 19,
    "5.1": 15, "5.2": 17, "5.3": 16, "5.4": 17,
}  # fmt: skip
SETTINGS = ("desk", "no_desk", "both")


def check_item(
    item: Item, framework: Framework, roles: Mapping[str, RoleProfile], pack: Pack
) -> Iterator[Finding]:
    """Yield what is wrong with one question."""
    where = f"items: {item.key}"
    for message in (*_belongs(item, framework, roles, pack), *_answerable(item), *_complete(item)):
        yield Finding(ERROR, where, message)
    for message in (*give_aways(item), *_outcomes(item), *_easy(item)):
        yield Finding(WARNING, where, message)
    if not item.roles and not item.for_all:
        message = 'roles: nobody yet; list who meets this scene at work, or say "all"'
        yield Finding(WARNING, where, message)
    yield from _worded(where, item)


def _belongs(
    item: Item, framework: Framework, roles: Mapping[str, RoleProfile], pack: Pack
) -> Iterator[str]:
    competency = framework.by_code.get(item.competency)
    if competency is None:
        yield f"no competence {item.competency}"
    elif competency.private and item.scored:
        yield f"{item.competency} is private: reflections only"
    elif not competency.private and not item.scored:
        yield "a reflection belongs to a private competence"
    if unknown := sorted(item.roles - set(roles)):
        yield f"no role {', '.join(unknown)}"
    if item.picture and not {item.picture, f"pictures/{item.picture}"} & set(pack.files):
        yield f"no picture {item.picture}"
    for sound in filter(None, (item.sound, item.sound_plain, item.sound_en)):
        if f"sounds/{sound}" not in pack.files:
            yield f"no recording sounds/{sound}"
    if item.scored and len(item.b) != categories(item) - 1:
        yield f"b has {len(item.b)} numbers, its options need {categories(item) - 1}"
    if item.model is Model.GRM and any(x >= y for x, y in pairwise(item.b)):
        yield "b does not rise strictly"
    if item.setting not in SETTINGS:
        yield f"unknown setting {item.setting}"


def _answerable(item: Item) -> Iterator[str]:
    """Say why nobody could give the right answer."""
    texts = Counter(o.text.casefold() for o in item.options)
    if twice := [t for t, n in texts.items() if n > 1]:
        yield f"two options say the same: {twice[0]}"
    if len(item.options) < FEWEST_OPTIONS.get(item.kind, 2):
        yield f"{len(item.options)} options are too few"
    right = sum(o.correct for o in item.options)
    match item.kind:
        case Kind.SINGLE_CHOICE | Kind.TRUE_FALSE if right != 1:
            yield f"{right} options are correct, exactly one must be"
        case Kind.MULTIPLE_RESPONSE | Kind.HOTSPOT if not 0 < right < len(item.options):
            yield "some options must be correct and some not"
        case Kind.SCENARIO:
            points = sorted(o.points for o in item.options)
            if points[0] == points[-1] or points[-1] == points[-2]:
                yield "exactly one option must have the most points"
        case Kind.MATCHING | Kind.CATEGORIZE if not all(o.target for o in item.options):
            yield "every option needs a target"
    if item.kind is Kind.MATCHING and len({o.target for o in item.options}) < len(item.options):
        yield "two options match the same target; categorize is for that"
    if item.kind is Kind.HOTSPOT and not (item.picture and len(item.spots) == len(item.options)):
        yield "a picture and one spot per option are needed"


def _complete(item: Item) -> Iterator[str]:
    fields = {
        "feedback": item.feedback,
        "feedback_en": item.feedback_en,
        "stem_en": item.stem_en,
        "topic": item.topic,
        "topic_en": item.topic_en,
        "source": item.source,
    }
    if item.picture:
        fields |= {"picture_alt": item.picture_alt, "picture_alt_en": item.picture_alt_en}
    for name, text in fields.items():
        if not text.strip():
            yield f"{name} is missing"
    for n, option in enumerate(item.options):
        if not option.text_en or (option.target and not option.target_en):
            yield f"options[{n}] is not in English"


def _outcomes(item: Item) -> Iterator[str]:
    """Say where a question of DigComp does not name what it touches there."""
    count = LEARNING_OUTCOMES.get(item.competency)
    if count and item.scored and not item.learning_outcomes:
        yield "learning_outcomes: none named"
    for outcome in item.learning_outcomes:
        if outcome[2:5] != item.competency:
            yield f"learning_outcomes: {outcome} is not of {item.competency}"
        elif not 1 <= int(outcome[6:]) <= (count or 0):
            yield f"learning_outcomes: DigComp 3.0 has no {outcome}"


def _easy(item: Item) -> Iterator[str]:
    """Say why there is no easy form: the texts themselves (`plain`), or twins of them."""
    if item.plain == item.has_plain:
        yield "plain: say true, or give stem_plain and text_plain where the text is not easy"
    if item.stem == item.stem_plain or any(o.text == o.text_plain for o in item.options):
        yield "plain: an easy twin that says the same is none"
    texts = [item.stem_plain or item.stem]
    if item.kind not in (Kind.SELF_RATING, Kind.REFLECTION):  # the same steps everywhere
        texts += [o.text_plain or o.text for o in item.options]
        texts += sorted({o.target for o in item.options if o.target})
    yield from (f"not easy: {word} (hard word)" for text in texts for word in hard_words(text))
    for text in (*texts, item.feedback):
        for sentence in sentences(text):
            if (count := words(sentence)) > EASY_WORDS:
                yield f"not easy: {count} words, at most {EASY_WORDS}: {sentence}"
    if (figure := ease(texts).wstf) > EASY_WSTF:
        yield f"not easy: Wiener Sachtextformel {figure:.1f}, at most {EASY_WSTF:g}"


def _worded(where: str, item: Item) -> Iterator[Finding]:
    for name, stem, most in (
        ("stem", item.stem, MOST_SENTENCES),
        ("stem_plain", item.stem_plain, MOST_EASY_SENTENCES),
    ):
        if (count := len(sentences(stem))) > most:
            yield Finding(ERROR, where, f"{name} has {count} sentences, at most {most}")
        for phrase in own_health(stem):
            yield Finding(ERROR, where, f"{name}: asks about the learner's own health: {phrase}")
        yield from plain(where, name, stem)
    yield from plain(where, "feedback", item.feedback)
    for option in item.options:
        yield from plain(where, "option", option.text)
        yield from plain(where, "option", option.text_plain)
