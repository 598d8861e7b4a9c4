#!/usr/bin/env bash
# Write a dated migration from the difference between the tables and an empty, migrated database.
# Usage: tools/new_migration.sh "what changes"
set -euo pipefail
cd "$(dirname "$0")/.."
file=$(mktemp -u --suffix .db)
export ROADMAP__DATABASE__URL="sqlite:///$file"
.venv/bin/alembic -c config/alembic.ini upgrade head
.venv/bin/alembic -c config/alembic.ini revision --autogenerate -m "$1"
.venv/bin/ruff format --quiet migrations
rm -f "$file"
