"""The digits of a receipt code (row A2): how they are checked, read and written in groups. Pure.

    1234 5678 9012 3456 78
    └── 16 random digits ┘ └─ check part: ISO 7064 MOD 97-10, as in bank account numbers

10¹⁶ codes are 53.15 bits. The check part is computed from the others and adds none; it catches every single wrong
digit, every swap of two digits, and 96 of 97 of all other slips.
"""

import unicodedata

DIGITS = 16
LENGTH = DIGITS + 2
GROUP = 4
_MOST_TYPED = 100


def with_check(digits: str) -> str:
    """`digits` (16 of them) followed by the two digits of their check part."""
    return f"{digits}{98 - int(digits) * 100 % 97:02d}"


def holds(code: str) -> bool:
    """Whether `code` is 18 digits whose check part fits."""
    return len(code) == LENGTH and code.isascii() and code.isdigit() and int(code) % 97 == 1


def plain(typed: str) -> str:
    """What somebody typed or dictated, without spaces and hyphens, full-width digits as plain ones."""
    folded = unicodedata.normalize("NFKC", typed[:_MOST_TYPED])
    return "".join(c for c in folded if c.isascii() and c.isalnum())


def grouped(code: str) -> str:
    """`code` in groups of four, as it is read out."""
    return " ".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))
