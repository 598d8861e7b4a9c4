#!/usr/bin/env bash
# What a developer runs before every commit; `make check` sets up what it needs. Under a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
$bin/ruff format --check --quiet . || { echo "not in shape: make format"; exit 1; }
$bin/ruff check --quiet .
$bin/mypy
$bin/lint-imports
$bin/roadmap content check --strict content > /dev/null
$bin/python -m pytest -q -n 2 -m "not slow and not browser" tests/unit
