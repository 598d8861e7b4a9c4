"""Bring the message catalogues up to date with the code: extract, update, compile.

msgids are English, so the English catalogue repeats them; German is written by hand. A message that
is new stays empty in German until somebody writes it, and a test fails until then. Nothing is ever
guessed (no fuzzy entries), and messages that are gone are dropped.

Usage: python tools/messages.py [--check]
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "lti_tool" / "web"
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
FIXED = datetime(2026, 11, 23, tzinfo=UTC)
KEYWORDS = {
    "_": None,
    "_l": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}


def main() -> int:
    """Update the catalogues; with --check only say whether they are complete."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        problems = missing()
        print("\n".join(problems), file=sys.stderr)
        return int(bool(problems))
    for language in ("de", "en"):
        catalogue = updated(language)
        with path_of(language).open("wb") as file:
            write_po(file, catalogue, width=100, sort_output=True, omit_header=False)
        with path_of(language).with_suffix(".mo").open("wb") as file:
            write_mo(file, catalogue)
    return 0


def path_of(language: str) -> Path:
    return WEB / "translations" / language / "LC_MESSAGES" / "messages.po"


def extracted(*, learners_only: bool = False) -> Catalog:
    """Return every message of code and templates, without places: line numbers only make noise.

    With `learners_only`, without what only the administration reads.
    """
    found = Catalog(project="roadmap-lti", charset="utf-8", fuzzy=False)
    for file, _line, message, _comments, context in extract_from_dir(
        WEB, METHODS, keywords=KEYWORDS, options_map={"**": {"silent": "false"}}
    ):
        if not (learners_only and "admin" in Path(file).parts):
            found.add(message, context=context)
    return found


def written(language: str) -> Catalog:
    if not path_of(language).is_file():
        path_of(language).parent.mkdir(parents=True, exist_ok=True)
        return Catalog(locale=language)
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str) -> Catalog:
    """Return the catalogue of a language with the messages of today."""
    before = written(language)
    after = Catalog(
        locale=language,
        project="roadmap-lti",
        version="",
        fuzzy=False,
        header_comment="# Made by tools/messages.py: German by hand, English repeats the key.",
        creation_date=FIXED,  # a new date with every run would only make noise
        revision_date=FIXED,
        last_translator="",
        language_team="",
        msgid_bugs_address="",
    )
    for message in extracted():
        if not message.id:
            continue
        known = before.get(message.id, context=message.context)
        text = known.string if known else ("", "") if message.pluralizable else ""
        if language == "en":
            text = message.id
        after.add(message.id, text, context=message.context, flags=message.flags - {"fuzzy"})
    return after


def missing() -> list[str]:
    """Return what is missing, fuzzy, gone or wrong in the catalogues, one line each."""
    problems = []
    today = {(m.context, m.id) for m in extracted() if m.id}
    for language in ("de", "en"):
        catalogue = written(language)
        known = {(m.context, m.id): m for m in catalogue if m.id}
        problems += [f"{language}: not in the catalogue: {k[1]}" for k in today - known.keys()]
        problems += [f"{language}: no longer used: {k[1]}" for k in known.keys() - today]
        for key, m in known.items():
            texts = m.string if isinstance(m.string, tuple) else (m.string,)
            if m.fuzzy or not all(texts):
                problems.append(f"{language}: not translated: {key[1]}")
            problems += [f"{language}: {error}: {key[1]}" for error in m.check(catalogue)]
    return problems


if __name__ == "__main__":
    raise SystemExit(main())
