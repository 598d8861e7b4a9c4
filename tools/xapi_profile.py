"""Write our xAPI profile to docs/xapi-profile/, as an installation at an example address serves it.

Usage: python tools/xapi_profile.py
"""

import json
from pathlib import Path

from xapi_bridge.profile import profile

PUBLISHED = Path(__file__).resolve().parent.parent / "docs" / "xapi-profile" / "roadmap.jsonld"
EXAMPLE = "https://roadmap.example"

if __name__ == "__main__":
    text = json.dumps(profile(EXAMPLE), ensure_ascii=False, indent=2)
    PUBLISHED.write_text(text + "\n", encoding="utf-8")
