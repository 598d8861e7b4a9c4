#!/usr/bin/env bash
# All tests. What cannot run here is skipped with its reason and remedy; in CI nothing is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
select=(-m "not slow")
[ "${1:-}" = "--all" ] && select=(-o timeout=3600) # the long tortures among them
$bin/ruff format --check --quiet . || { echo "not in shape: make format"; exit 1; }
$bin/ruff check --quiet .
$bin/mypy
$bin/lint-imports
$bin/roadmap content check content > /dev/null
exec $bin/python -m pytest -q -n 2 --dist loadfile "${select[@]}"
