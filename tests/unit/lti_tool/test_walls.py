"""The core loads without the outside world, whatever an `__init__` may drag in."""

import subprocess
import sys

import pytest

CORE = ["competency.judge", "recommender.plan", "lti_tool.flows.observe", "lti_tool.flows.plan"]
OUTSIDE = ["flask", "sqlalchemy", "requests", "tincan", "pylti1p3", "apscheduler"]


@pytest.mark.parametrize("module", CORE)
def test_the_core_loads_without_the_outside_world(module: str) -> None:
    code = f"import sys, {module}; print([m for m in {OUTSIDE} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
