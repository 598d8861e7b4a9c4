"""The documentation says what the program does: generated parts, links, commands, codes."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from lti_tool import settings
from lti_tool.lti.refusal import Case, Code
from tools import build_docs

ROOT = settings.ROOT
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SETTINGS = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
CONNECTING = (ROOT / "docs" / "how-to" / "anbinden.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
# What stands in code is a command to type: `roadmap …` to the end of the code, or of the line.
CODE = re.compile(r"`(roadmap [^`\n]+)`|^(?:\s*)(roadmap [^\n]+)$", re.MULTILINE)
COMMANDS = {" ".join(path): command for path, command in build_docs.every_command()}
OF_ANY_COMMAND = {"--help", "-h"}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", build_docs.TARGETS, ids=name)
def test_what_is_generated_says_what_the_program_does(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == build_docs.rendered(page), (
        "run .venv/bin/python tools/build_docs.py"
    )


def test_every_generated_part_is_in_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in build_docs.TARGETS)
    assert {found for _, found, _ in build_docs.MARKED.findall(text)} == set(build_docs.PARTS)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_link_leads_nowhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        file, _, part = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{name(page)}: {link}"
        if part:
            assert part in anchors(target), f"{name(page)}: {link}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and GitLab make them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_that_is_mentioned_exists(page: Path) -> None:
    for said in mentioned(page):
        words = said.split()
        known = next((c for n in (4, 3, 2) if (c := " ".join(words[:n])) in COMMANDS), None)
        assert known or is_group(said), f"{name(page)}: {said}"
        if known:
            options = {o for p in COMMANDS[known].params for o in p.opts} | OF_ANY_COMMAND
            given = {w.partition("=")[0] for w in words if re.match(r"--?[a-z]", w)}
            assert given <= options, f"{name(page)}: {said}"


def mentioned(page: Path) -> Iterator[str]:
    """Yield the commands of a page, continued lines joined, shell operators cut off."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for inline, alone in CODE.findall(text):
        said = re.split(r"\s(?:#|&&|\||;)", inline or alone)[0]
        yield re.sub(r'"[^"]*"', "QUOTED", said)


def is_group(said: str) -> bool:
    """Whether this names a group, as `roadmap lrs` or `roadmap` itself does."""
    return any(c.startswith(f"{said} ") for c in COMMANDS)


def test_every_command_shows_an_example_that_is_right() -> None:
    for path, command in COMMANDS.items():
        _, found, example = (command.help or "").partition("Example: ")
        assert found, f"{path} --help has no example"
        assert path in example, f"{path} --help: the example is of another command"


def test_every_option_of_every_command_says_what_it_is_for() -> None:
    for path, command in COMMANDS.items():
        for p in command.params:
            if isinstance(p, click.Option) and not p.hidden:
                assert p.help, f"{path} {p.opts[0]}"


def test_every_setting_is_in_the_reference() -> None:
    for key in fields(settings.Settings):
        assert f"| `{key}` |" in SETTINGS, key


def fields(kind: type, prefix: str = "") -> Iterator[str]:
    hints = {f.name: f.type for f in dataclasses.fields(kind)}
    for key, given in hints.items():
        if isinstance(given, type) and dataclasses.is_dataclass(given):
            yield from fields(given, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def test_every_setting_has_a_comment_of_its_own() -> None:
    said = [words for _, _, words in build_docs.every_setting()]
    assert all(said)
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_environment_variable_that_is_mentioned_is_a_setting(page: Path) -> None:
    known = {f"ROADMAP__{k.replace('.', '__').upper()}" for k in fields(settings.Settings)}
    text = page.read_text(encoding="utf-8")
    for variable in re.findall(r"ROADMAP__[A-Z_]+[A-Z]", text):
        assert variable.removesuffix("_FILE") in known, f"{name(page)}: {variable}"


def test_an_admin_finds_every_refusal_and_none_that_does_not_exist() -> None:
    start = CONNECTING.index("### Der genaue Grund")
    rows = [line for line in CONNECTING[start:].splitlines() if line.startswith("| `")]
    named = [code for row in rows for code in re.findall(r"`([a-z-]+)`", row.split("|")[1])]
    assert sorted(named) == sorted(code.slug for code in Code)


def test_every_case_a_person_can_read_out_is_explained() -> None:
    for case in Case:
        assert f"| `{case.value}` |" in CONNECTING
