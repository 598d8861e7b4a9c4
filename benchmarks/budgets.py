"""The times to hold in a full house; docs/how-to/datenbank.md states them.

Measured by benchmarks/speed/scale.py.
"""

from collections.abc import Mapping

#: Operation -> budget at full size on SQLite and PostgreSQL, in ms.
BUDGET_MS: Mapping[str, tuple[float, float]] = {
    "migrate_empty": (2_000, 2_000),
    "migrate_full": (300_000, 300_000),
    "start": (1_000, 1_000),
    "admit_new": (150, 150),
    "admit_known": (50, 50),
    "page_question": (100, 100),
    "answer": (100, 100),
    "page_profile": (150, 150),
    "page_path": (200, 200),
    "page_data": (150, 150),
    "export": (500, 500),
    "erase": (500, 500),
    "refold": (200, 200),
    "pull_page": (1_500, 1_500),
    "job_claim": (50, 50),
    "outbox_claim": (50, 50),
    "lrs_status": (500, 500),
    "outbox_list": (500, 500),
    "check_database": (200, 200),
    "retention_preview": (10_000, 10_000),
    "purge_a_week": (120_000, 120_000),
    "writer_waits_for_purge": (500, 500),
}

#: What each is, in the words of docs/how-to/datenbank.md.
WHAT_DE: Mapping[str, str] = {
    "migrate_empty": "Tabellen anlegen (`roadmap db upgrade`, erster Start)",
    "migrate_full": "alle Indizes im vollen Haus neu anlegen (ein Update)",
    "start": "Webprozess bereit machen",
    "admit_new": "Start einer neuen Person",
    "admit_known": "Start einer bekannten Person",
    "page_question": "Seite: Frage",
    "answer": "Antwort speichern",
    "page_profile": "Seite: Profil",
    "page_path": "Seite: Lernpfad",
    "page_data": "Seite: Meine Daten",
    "export": "eigene Daten herunterladen",
    "erase": "eine Person löschen",
    "refold": "Profil und Lernpfad einer Person neu rechnen",
    "pull_page": "eine Seite mit 500 Meldungen aus einem LRS übernehmen",
    "job_claim": "Auftrag nehmen und beenden",
    "outbox_claim": "im Ausgang nach Fälligem sehen",
    "lrs_status": "`roadmap lrs status`",
    "outbox_list": "`roadmap outbox list`",
    "check_database": "Datenbank prüfen (`roadmap check`)",
    "retention_preview": "Vorschau der Löschung (`roadmap privacy purge --dry-run`)",
    "purge_a_week": "löschen, was in einer Woche fällig wird (alle Kommunen)",
    "writer_waits_for_purge": "so lange wartet dabei höchstens, wer gerade antwortet",
}
