"""Cutting and checking: one bad statement never costs its page."""

from collections.abc import Callable

import orjson
import pytest

from xapi_bridge.errors import MalformedPage, MalformedStatement
from xapi_bridge.instants import instant_us, text_of
from xapi_bridge.parts import ActorKey
from xapi_bridge.privacy import without_persons
from xapi_bridge.slices import members
from xapi_bridge.statement import (
    Bad,
    Statement,
    canonical,
    content_text,
    effective_us,
    parse,
    parse_page,
)

Make = Callable[..., Statement]
Hard = Callable[[str], list[Statement | Bad]]

QUARANTINED = {"32": "scaled", "36": "unknown property", "29": "id is not a UUID"}


def one(entries: list[Statement | Bad]) -> Statement:
    (entry,) = entries
    assert isinstance(entry, Statement)
    return entry


@pytest.mark.parametrize("number", [f"{n:02d}" for n in range(1, 42)])
def test_each_hard_file_is_read_or_quarantined_as_its_index_says(hard: Hard, number: str) -> None:
    for entry in hard(number):
        if number in QUARANTINED:
            assert isinstance(entry, Bad)
            assert QUARANTINED[number] in entry.reason
        else:
            assert isinstance(entry, Statement)


def test_a_bad_statement_is_set_aside_with_its_place_and_the_page_lives(make: Make) -> None:
    good = make().raw
    body = b'{"more":"/next","statements":[%b, {"id": 7}, "text", %b]}' % (good, good)
    page = parse_page(body)
    assert [type(e) for e in page.entries] == [Statement, Bad, Bad, Statement]
    assert [e.position for e in page.entries if isinstance(e, Bad)] == [1, 2]
    assert page.more == "/next"


def test_raw_bytes_stay_as_the_store_sent_them(make: Make) -> None:
    raw = make().raw.replace(b'"verb"', b'\n  "verb" ').replace(b"08:15:30Z", b"08:15:30.000Z")
    page = parse_page(b'{"statements": [ %b ] }' % raw)
    assert one(list(page.entries)).raw == raw
    assert page.more == ""


def test_brackets_and_quotes_inside_of_texts_do_not_cut(make: Make) -> None:
    odd = make(verb={"id": "http://v.example/x", "display": {"de": 'a"]}{[,\\'}})
    page = parse_page(b'{"statements":[%b,%b]}' % (odd.raw, odd.raw))
    assert [e.raw for e in page.entries] == [odd.raw, odd.raw]


def test_a_statement_nested_a_hundred_thousand_deep_is_set_aside_alone(make: Make) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    body = b'{"statements":[{"id":%b},%b]}' % (deep, make().raw)
    bad, good = parse_page(body).entries
    assert isinstance(bad, Bad)
    assert isinstance(good, Statement)


def test_a_statement_above_one_mebibyte_is_set_aside_alone(make: Make) -> None:
    good = make().raw
    large = good[:-1] + b',"context":{"extensions":{"http://e.example/x":"%b"}}}' % (
        b"x" * (1 << 20)
    )
    bad, other = parse_page(b'{"statements":[%b,%b]}' % (large, good)).entries
    assert isinstance(bad, Bad)
    assert "1 MiB" in bad.reason
    assert isinstance(other, Statement)


NO_PAGES = {
    "empty": b"",
    "list": b"[]",
    "no statements": b"{}",
    "html": b"<html>",
    "object": b'{"statements":{}}',
    "cut off": b'{"statements":[{"id":1}',
    "cut in a key": b'{"a',
}


@pytest.mark.parametrize("body", NO_PAGES.values(), ids=NO_PAGES.keys())
def test_an_answer_that_is_no_page_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(MalformedPage):
        parse_page(body)


def test_ids_are_compared_in_lower_case_and_any_version_is_one(hard: Hard) -> None:
    assert one(hard("02")).id == "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
    assert b"0A1B2C3D" in one(hard("02")).raw
    assert one(hard("01")).id == "019aa9c2-7c1e-7b3a-9f10-3d2c5a7e9b01"


@pytest.mark.parametrize(
    ("text", "utc", "flags"),
    [
        ("2026-11-02T08:15:30.123456789Z", "2026-11-02T08:15:30.123456Z", ()),
        ("2026-11-02T00:10:00.000+14:00", "2026-11-01T10:10:00.000000Z", ()),
        ("2026-11-02T08:15:30.250", "2026-11-02T08:15:30.250000Z", ("ts_zone_assumed",)),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z", ("ts_leap_second",)),
        ("2016-12-31T23:59:60.5+01:00", "2016-12-31T22:59:59.999999Z", ("ts_leap_second",)),
        ("2026-11-02", "2026-11-02T00:00:00.000000Z", ("ts_date_only",)),
    ],
)
def test_instants_are_utc_microseconds_and_say_what_was_assumed(
    text: str, utc: str, flags: tuple[str, ...]
) -> None:
    instant, found = instant_us(text)
    assert text_of(instant) == utc
    assert found == flags


def test_instants_are_compared_as_numbers_not_as_text() -> None:
    earlier, later = "2026-11-02T08:15:30Z", "2026-11-02T08:15:30.5Z"
    assert earlier > later
    assert instant_us(earlier)[0] < instant_us(later)[0]


@pytest.mark.parametrize("text", ["2026-11-02T24:00:00Z", "yesterday", "2026-13-01T00:00:00Z"])
def test_what_is_no_instant_is_no_statement(make: Make, text: str) -> None:
    with pytest.raises(MalformedStatement, match="timestamp"):
        make(timestamp=text)


def test_an_event_from_the_future_or_from_before_2010_happened_when_it_was_stored(
    hard: Hard,
) -> None:
    for number in ("10", "11"):
        entry = one(hard(number))
        assert effective_us(entry) == (entry.stored_us, True)


def test_a_blackened_connection_believes_no_timestamp(make: Make) -> None:
    entry = make(stored="2026-11-02T08:16:00Z")
    assert effective_us(entry) == (entry.timestamp_us, False)
    assert effective_us(entry, blackened=True) == (entry.stored_us, True)


def test_what_stores_add_and_the_order_of_keys_say_nothing(hard: Hard) -> None:
    first, second = hard("28")
    assert isinstance(first, Statement)
    assert isinstance(second, Statement)
    assert canonical(first) == canonical(second)
    turned = parse(orjson.dumps(dict(reversed(first.document.items()))))
    assert canonical(turned) == canonical(first)


def test_what_a_statement_says_is_its_json_with_names_in_order(
    moodle: list[Statement], hard: Hard
) -> None:
    """Digests of it are in the databases of towns: other bytes would be other statements."""
    found = [e for n in range(1, 42) for e in hard(f"{n:02d}") if isinstance(e, Statement)]
    for s in [*moodle, *found]:
        said = {k: v for k, v in s.document.items() if k not in ("stored", "authority", "version")}
        if "id" in said:
            said["id"] = said["id"].lower()
        assert canonical(s) == orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def test_what_is_remembered_of_one_statement_changes_nothing_in_another(make: Make) -> None:
    bad = make().raw.replace(b"https://lms.example/a", b"no address")
    for _ in range(2):
        with pytest.raises(MalformedStatement, match="no IRI"):
            parse(bad)
    where = {"extensions": {"urn:x": "Erika Mustermann, Olga Musterfrau"}}
    erika, olga = (
        make(actor={"name": name, "mbox": "mailto:x@stadt.example"}, context=where)
        for name in ("Erika Mustermann", "Olga Musterfrau")
    )
    for _ in range(2):
        assert b"Erika" not in without_persons(erika, "p-1")
        assert b"Olga Musterfrau" in without_persons(erika, "p-1")
        assert b"Olga" not in without_persons(olga, "p-2")
        assert b"Erika Mustermann" in without_persons(olga, "p-2")


def test_another_score_under_the_same_id_is_another_statement(hard: Hard) -> None:
    first, second = hard("27")
    assert isinstance(first, Statement)
    assert isinstance(second, Statement)
    assert first.id == second.id
    assert canonical(first) != canonical(second)


def test_a_batch_that_moodle_sends_twice_has_the_same_content(moodle: list[Statement]) -> None:
    again = [parse(s.raw, id_required=False) for s in moodle]
    assert [content_text(s) for s in again] == [content_text(s) for s in moodle]
    assert len({content_text(s) for s in moodle}) == len(moodle)


def test_names_other_people_and_durations_are_gone_from_what_is_kept(
    moodle: list[Statement], hard: Hard
) -> None:
    everything = b"".join(without_persons(s, "p-1") for s in moodle)
    for word in ("Jürgen", "Müller", "Änne", "aenne.gross", "oyilmaz", "svc-kompetenz", "PT6S"):
        assert word.encode() not in everything
    agents = without_persons(one(hard("04")), "p-1")
    assert b'"7"' not in agents
    assert b"kohorte" not in agents
    members_gone = without_persons(one(hard("17")), "p-1")
    assert b'"5"' not in members_gone
    inner = without_persons(one(hard("19")), "p-1")
    assert b'"4"' not in inner
    assert parse(inner).object_kind == "SubStatement"


def test_a_key_that_could_be_a_name_is_not_told_as_the_reason() -> None:
    with pytest.raises(MalformedStatement) as told:
        parse(b'{"Erika Mustermann": 1}')
    assert "Erika" not in str(told.value)


def test_a_name_that_is_repeated_elsewhere_is_gone_too(moodle: list[Statement]) -> None:
    """Moodle calls the page of a profile by its person's name."""
    document = {**moodle[0].document, "id": "00000000-0000-4000-8000-000000000001"}
    thing = {
        "id": "https://moodle.example/mod/page/view.php?id=1&by=Erika",
        "definition": {"name": {"de": "Profil von Erika Mustermann"}, "type": "urn:x:erika"},
    }
    said = {"who": ["ERIKA MUSTERMANN", {"mail": "erika@stadt.example"}], "late": "Mustermanns"}
    document |= {
        "actor": {"name": "Erika Mustermann", "account": document["actor"]["account"]},
        "object": thing,
        "context": {
            "instructor": {"mbox": "mailto:erika@stadt.example"},
            "extensions": {"urn:x": said},
        },
    }
    kept = without_persons(parse(orjson.dumps(document)), "p-1")
    again = orjson.loads(kept)
    assert again["object"]["id"] == thing["id"]
    assert again["object"]["definition"] == {"name": {"de": "Profil von …"}, "type": "urn:x:erika"}
    assert again["context"]["extensions"]["urn:x"]["who"] == ["…", {"mail": "…"}]


def test_what_is_kept_is_a_statement_and_its_other_bytes_are_unchanged(
    moodle: list[Statement],
) -> None:
    quiz = moodle[13]
    kept = without_persons(quiz, "p-1")
    again = parse(kept, id_required=False)
    assert again.actor.key == ActorKey("account", "p-1", "urn:roadmap:actor")
    assert again.activity == quiz.activity
    assert again.result == {k: v for k, v in quiz.result.items() if k != "duration"}
    before, after = dict(members(quiz.raw)), dict(members(kept))
    assert [k for k in before if before[k] != after[k]] == ["actor", "result"]


@pytest.mark.parametrize(
    "change",
    [
        {"actor": ...},
        {"actor": {"name": "nobody"}},
        {"actor": {"mbox": "mailto:a@b.example", "openid": "https://o.example/1"}},
        {"actor": {"mbox": "a@b.example"}},
        {"actor": {"account": {"homePage": "https://l.example", "name": ""}}},
        {"verb": {"id": "completed"}},
        {"object": {"id": "no iri"}},
        {"object": {"objectType": "StatementRef", "id": "1"}},
        {"result": {"success": "yes"}},
        {"result": {"score": {"raw": "5"}}},
        {"result": {"score": {"scaled": True}}},
        {"context": {"registration": "1"}},
        {"context": {"contextActivities": {"parent": [{"id": "x"}]}}},
        {"context": {"instructor": {"name": "x"}}},
        {"attachments": {}},
        {"authority": {"name": "x"}},
        {"version": 1},
        {"result": None},
    ],
    ids=lambda change: "-".join(change),
)
def test_what_xapi_forbids_is_no_statement(make: Make, change: dict[str, object]) -> None:
    with pytest.raises(MalformedStatement):
        make(**change)


def test_an_unknown_number_of_digits_or_a_lone_surrogate_costs_one_statement_only(
    make: Make,
) -> None:
    odd = make().raw[:-1] + b',"result":{"response":"\\ud800"}}'
    big = make().raw[:-1] + b',"result":{"score":{"raw":' + b"9" * 400 + b"}}}"
    page = parse_page(b'{"statements":[%b,%b,%b]}' % (odd, big, make().raw))
    assert isinstance(page.entries[0], Bad)
    assert isinstance(page.entries[2], Statement)


def test_a_duplicate_key_is_read_like_every_json_parser_reads_it(make: Make) -> None:
    raw = make().raw[:-1] + b',"verb":{"id":"http://v.example/later"}}'
    assert parse(raw).verb == "http://v.example/later"
    assert orjson.loads(raw)["verb"]["id"] == "http://v.example/later"
