"""ILIAS 8 to 12 (reference/ilias.md): tokens live 60 s and clocks are tight, so 60 s leeway."""

LEEWAY_S = 60.0
