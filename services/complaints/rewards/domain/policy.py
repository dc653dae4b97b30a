"""What policies/rewards.yaml says: what a verified report is worth (row A4). Free of files."""

from datetime import timedelta
from typing import Annotated, Literal, get_args

import msgspec

from services.contracts.complaints import Channel, Offence, Severity

Fen = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Percent = Annotated[int, msgspec.Meta(ge=0, le=1000)]
Days = Annotated[int, msgspec.Meta(ge=1, le=3660)]
Found = Literal["verified", "partly"]
_SEVERITIES: tuple[Severity, ...] = get_args(Severity)


class RewardPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Amounts in fen. `channels_without` are ways in that earn no reward; `reasons` are code -> {zh, en}.

    Raises ValueError for a schedule with a gap, or whose cap is above the year's.
    """

    version: str
    base_fen: dict[Severity, Fen]
    finding_percent: dict[Found, Percent]
    cap_fen: Fen
    year_cap_fen: Fen
    claim_days: Days
    voucher_days: Days
    reasons: dict[str, dict[str, str]]
    offence_percent: dict[Offence, Percent] = {}
    channels_without: frozenset[Channel] = frozenset()

    def __post_init__(self) -> None:
        if missing := set(_SEVERITIES) - self.base_fen.keys():
            raise ValueError(f"base_fen: an amount for {', '.join(sorted(missing))} is missing")
        if unshared := set(get_args(Found)) - self.finding_percent.keys():
            raise ValueError(f"finding_percent: a share for {', '.join(sorted(unshared))} is missing")
        if self.cap_fen > self.year_cap_fen:
            raise ValueError("cap_fen: no single reward can be more than a year's, year_cap_fen")
        for code, words in self.reasons.items():
            if not {"zh", "en"} <= words.keys():
                raise ValueError(f"reasons: {code} needs words in zh and en")

    @property
    def claim_within(self) -> timedelta:
        return timedelta(days=self.claim_days)

    @property
    def voucher_holds(self) -> timedelta:
        return timedelta(days=self.voucher_days)

    def amount_fen(self, channel: Channel, severity: Severity, offence: Offence, finding: str) -> int:
        """What the schedule gives for a report, in whole fen, rounded down, at most the cap; 0: no reward (row A4)."""
        share = next((percent for found, percent in self.finding_percent.items() if found == finding), 0)
        if channel in self.channels_without:
            return 0
        worth = self.base_fen[severity] * self.offence_percent.get(offence, 100) * share // 10_000
        return min(worth, self.cap_fen)


NO_REWARDS = RewardPolicy(
    version="", base_fen=dict.fromkeys(_SEVERITIES, 0), finding_percent={"verified": 0, "partly": 0}, cap_fen=0,
    year_cap_fen=0, claim_days=1, voucher_days=1, reasons={},
)  # fmt: skip
