"""Who may do what: one table of every endpoint's roles, and whose records a role sees (row J1). Free of HTTP."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import yaml

Role = Literal[
    "citizen", "holder", "importer", "clerk", "agency", "head", "window", "inspector", "supervisor", "office",
    "leader", "operator", "custodian", "intake", "cashier", "monitor", "application",
]  # fmt: skip
ROLES: tuple[Role, ...] = get_args(Role)
Scope = Literal["city", "own"]


class Access(NamedTuple):
    """`roles` may call the endpoint; "citizen" among them means: without a token too.

    `scope` "own" narrows the roles agency, head and window to their agency's records and supervisor to their group's;
    "city" narrows nobody. The role importer never acts on the live timeline, whatever the table says.
    """

    roles: frozenset[str]
    scope: Scope
    about: str


class Principal(NamedTuple):
    """Whoever is asking. `subject` is an opaque account name, never a person's name.

    A "holder" is whoever has the receipt code of a complaint: its subject is that complaint's case id. An "application"
    is known by its key for Open311; no account has that role.
    """

    subject: str
    roles: frozenset[str]
    agency: str | None = None
    group: str | None = None


ANONYMOUS = Principal("anonymous", frozenset({"citizen"}))
_AGENCY_BOUND = frozenset({"agency", "head", "window"})


def _entry(roles: str, scope: Scope, about: str) -> Access:
    named = frozenset(roles.split())
    return Access(frozenset(ROLES) if "citizen" in named else named, scope, about)


_EVERYONE = "citizen"
_BOARD = "supervisor agency office leader operator"
TABLE: Mapping[str, Access] = {
    # every service
    "health": _entry(_EVERYONE, "city", "liveness and readiness"),
    "metrics": _entry(_EVERYONE, "city", "Prometheus metrics; they hold no case and no person"),
    # complaints
    "complaints.file": _entry(_EVERYONE, "city", "file a complaint, anonymous or with a sealed identity (A1, A3)"),
    "complaints.accept": _entry("clerk office importer", "city", "accept a complaint (A2)"),
    "complaints.refuse": _entry("clerk office importer", "city", "refuse a complaint with a listed reason (A2)"),
    "complaints.appeal-refusal": _entry("clerk office importer", "city", "appeal against a refusal, for the person"),
    "complaints.review-refusal": _entry("office importer", "city", "uphold or overturn a refusal (A2)"),
    "complaints.merge": _entry("clerk office importer", "city", "merge into a complaint filed earlier (A2)"),
    "complaints.dispatch": _entry("clerk office importer", "city", "dispatch to a lead agency (B1)"),
    "complaints.transfer": _entry("office importer", "city", "transfer to another lead agency (B1)"),
    "complaints.sign-in": _entry("agency importer", "own", "the lead agency signs in (B1)"),
    "complaints.return": _entry("agency importer", "own", "return to the office with a reason (B1)"),
    "complaints.respond": _entry("agency importer", "own", "first response (B2)"),
    "complaints.advise": _entry("agency importer", "own", "an assisting agency's opinion (B1)"),
    "complaints.extend": _entry("office importer", "city", "more time for the conclusion (B2)"),
    "complaints.pause": _entry("office importer", "city", "time that does not count, with written notice (B2)"),
    "complaints.resume": _entry("office importer", "city", "the time counts again (B2)"),
    "complaints.conclude": _entry("agency importer", "own", "conclude (B3)"),
    "complaints.sign-off": _entry("head importer", "own", "the agency's head signs or sends back (B4)"),
    "complaints.reply": _entry("agency clerk office importer", "own", "reply to the complainant (B3)"),
    "complaints.answer-back": _entry("clerk office importer", "city", "word to the body that passed it on (A1)"),
    "complaints.call-back": _entry("clerk office importer", "city", "call-back with its rating (B3)"),
    "complaints.appeal": _entry("clerk office importer", "city", "appeal against the conclusion, for the person (B3)"),
    "complaints.review": _entry("office importer", "city", "uphold or overturn a conclusion (B3)"),
    "complaints.correct": _entry("agency importer", "own", "what was verified is put right (B5)"),
    "complaints.close": _entry("clerk office importer", "city", "close an answered complaint (B3)"),
    "complaints.similar": _entry("clerk office", "city", "complaints that may be about the same matter (A2)"),
    "complaints.read": _entry(
        "agency head clerk supervisor office leader importer", "own", "state and history of a case"
    ),
    "complaints.text": _entry("agency head clerk office", "own", "what the person wrote"),
    "complaints.note": _entry("agency head clerk supervisor office", "own", "a text of the history, see reading.py"),
    "complaints.ask": _entry("agency clerk office", "own", "ask the person, or tell them something (A3)"),
    "complaints.supplement": _entry("clerk office", "city", "what the person adds, taken down by a clerk (A3)"),
    "complaints.identify": _entry("clerk office", "city", "a name given after filing, taken down by a clerk (A3)"),
    "complaints.messages.read": _entry("agency head clerk office", "own", "what was said to and by the person (A3)"),
    "complaints.evidence.read": _entry("agency head clerk office", "own", "list and download evidence (A3)"),
    "complaints.evidence.add": _entry("agency clerk office", "own", "send evidence for a case (A3)"),
    "complaints.inbox.open": _entry(_EVERYONE, "city", "a receipt code for a session of the inbox (A3)"),
    "complaints.pages": _entry(_EVERYONE, "city", "the public pages: start, complaint form, entering a code (A1, A2)"),
    "complaints.inbox.read": _entry("holder", "own", "how the complaint stands, and what was said (A3)"),
    "complaints.inbox.write": _entry("holder", "own", "answer, add, give a name, end the session (A3)"),
    "complaints.desk": _entry(
        "clerk office agency head supervisor leader cashier monitor", "own", "the desk's own address (J1)"
    ),
    "complaints.desk.work": _entry(
        "clerk office agency head supervisor leader", "own", "the work list by time left (B1, B2)"
    ),
    "complaints.desk.case": _entry(
        "clerk office agency head supervisor leader", "own", "the page of one complaint (B1-B5)"
    ),
    "complaints.desk.act": _entry("clerk office agency head", "own", "forms of commands, each by its own entry"),
    "complaints.desk.intake": _entry("clerk office", "city", "the intake desk: take down what people say (A1)"),
    "complaints.desk.rewards": _entry("office leader", "city", "pages of rewards: by state, one with its entries (A4)"),
    "complaints.desk.rewards.act": _entry("office leader", "city", "forms about a reward, each by its own entry (A4)"),
    "complaints.desk.cashier": _entry("cashier", "city", "the cashier's page: a voucher, its amount, paid once (A4)"),
    "complaints.desk.supervisors": _entry("office leader clerk", "city", "page of the register of supervisors (A5)"),
    "complaints.desk.supervisors.act": _entry("office", "city", "forms of the register: appoint, end a term (A5)"),
    "complaints.desk.reports": _entry("monitor", "city", "a supervisor's page of their own reports (A5)"),
    "complaints.desk.reports.act": _entry("monitor", "city", "a supervisor's form of a report of their own (A5)"),
    "complaints.desk.surveys": _entry("office leader supervisor", "city", "pages of surveys and their results (A6)"),
    "complaints.desk.surveys.act": _entry("office", "city", "forms of surveys: start, links as CSV once (A6)"),
    "complaints.open311.file": _entry(_EVERYONE, "city", "Open311: file, with the api_key of an application (A1)"),
    "complaints.open311.read": _entry(_EVERYONE, "city", "Open311: services, and requests as far as they are public"),
    "complaints.import": _entry("importer", "city", "many commands of an imported log at once"),
    "complaints.tick": _entry("importer", "city", "move the clock of an imported log"),
    "complaints.decree": _entry("office", "city", "a year's working days by decree, for all clocks"),
    # rewards (A4). A cashier learns an amount and whether a voucher is good for it, nothing else.
    "complaints.rewards.list": _entry("office leader", "city", "rewards proposed, granted, paid (A4)"),
    "complaints.rewards.read": _entry("office leader", "city", "one reward with its entries (A4)"),
    "complaints.rewards.endorse": _entry("office", "city", "the first approval (A4)"),
    "complaints.rewards.approve": _entry("leader", "city", "the second approval, by another account (A4)"),
    "complaints.rewards.decline": _entry("office leader", "city", "decline with a listed reason (A4)"),
    "complaints.rewards.withdraw": _entry("leader", "city", "withdraw what was granted, with a listed reason (A4)"),
    "complaints.rewards.lapse": _entry("office", "city", "nobody claimed in time: no longer owed (A4)"),
    "complaints.rewards.reverse": _entry("leader", "city", "take back a payment that was not handed over (A4)"),
    "complaints.rewards.redeem": _entry("cashier", "city", "pay out against a voucher (A4)"),
    "complaints.rewards.ledger": _entry("office leader", "city", "every entry of the rewards' ledger (A4)"),
    # supervisors (监督员, A5): role monitor. Role supervisor is a member of a supervision group (督导组).
    "complaints.supervisors.list": _entry("office leader clerk", "city", "the register of supervisors (A5)"),
    "complaints.supervisors.appoint": _entry("office", "city", "a term of office (A5)"),
    "complaints.supervisors.end": _entry("office", "city", "end a term of office early (A5)"),
    "complaints.supervisors.reports": _entry("monitor", "city", "a supervisor's own reports with their answers (A5)"),
    # surveys among enterprises (A6)
    "complaints.surveys.start": _entry("office", "city", "a new survey (A6)"),
    "complaints.surveys.links": _entry("office", "city", "one-time links, one for each enterprise (A6)"),
    "complaints.surveys.list": _entry("office leader supervisor", "city", "all surveys (A6)"),
    "complaints.surveys.answer": _entry(_EVERYONE, "city", "answer a survey by its one-time link (A6)"),
    "complaints.surveys.results": _entry("office leader supervisor", "city", "results after the end, by agency (A6)"),
    # vault: identities (A3). A custodian's token counts there only when the vault itself has given it.
    "vault.sign-in": _entry(_EVERYONE, "city", "a custodian signs in"),
    "vault.keep": _entry("intake", "city", "an intake service hands over a sealed identity"),
    "vault.request": _entry("custodian", "city", "ask for the opening of an identity, with case and reason"),
    "vault.approve": _entry("custodian", "city", "approve it: another custodian than who asked"),
    "vault.deny": _entry("custodian", "city", "deny it: another custodian than who asked"),
    "vault.open": _entry("custodian", "city", "read the identity, once"),
    "vault.openings": _entry("custodian office leader", "city", "every opening asked for, approved, denied, made"),
    "vault.retention": _entry("custodian office operator", "city", "how many identities are past their retention"),
    "vault.shred": _entry("custodian operator", "city", "destroy the data keys of identities past their retention"),
    "vault.rotate": _entry("custodian", "city", "a new custodians' key"),
    "vault.pages": _entry("custodian", "city", "the custodians' pages: openings, keys and retention"),
    "vault.pages.act": _entry("custodian", "city", "forms of the custodians, each by its own entry"),
    # approvals
    "approvals.apply": _entry("window agency importer", "own", "an application is handed in (C2)"),
    "approvals.accept": _entry("window agency importer", "own", "accept an application (C2)"),
    "approvals.refuse": _entry("window agency importer", "own", "refuse an application with its reason (C2)"),
    "approvals.start-stage": _entry("agency importer", "own", "a stage of the flow chart starts (C1)"),
    "approvals.finish-stage": _entry("agency importer", "own", "a stage is finished (C1)"),
    "approvals.pause": _entry("agency importer", "own", "the legal clock stops, with written notice (C2)"),
    "approvals.resume": _entry("agency importer", "own", "the legal clock runs again (C2)"),
    "approvals.extend": _entry("agency importer", "own", "extension, approved and notified (C2)"),
    "approvals.decide": _entry("agency importer", "own", "the decision (C2)"),
    "approvals.deliver": _entry("window agency importer", "own", "the decision is delivered (C2)"),
    "approvals.read": _entry("window agency supervisor office leader importer", "own", "state and history of a case"),
    "approvals.import": _entry("importer", "city", "many commands of an imported log at once"),
    "approvals.tick": _entry("importer", "city", "move the clock of an imported log"),
    "approvals.decree": _entry("office", "city", "a year's working days by decree, for all clocks"),
    "approvals.items.read": _entry(_EVERYONE, "city", "a catalogue item: public (C1, K1)"),
    "approvals.items.write": _entry("office", "city", "publish a catalogue item (C1)"),
    # inspections
    "inspections.visit": _entry("inspector office importer", "city", "open or covert visit (E1)"),
    "inspections.find": _entry("inspector office importer", "city", "a finding of the visit (E1)"),
    "inspections.close": _entry("inspector office importer", "city", "the visit is written up (E1)"),
    "inspections.read": _entry("inspector supervisor office leader importer", "own", "state and history of a visit"),
    "inspections.import": _entry("importer", "city", "many commands of an imported log at once"),
    "inspections.tick": _entry("importer", "city", "move the clock of an imported log"),
    "inspections.decree": _entry("office", "city", "a year's working days by decree, for all clocks"),
    # directives
    "directives.issue": _entry("supervisor office leader importer", "own", "issue an order with a deadline (G1)"),
    "directives.report": _entry("agency importer", "own", "the agency reports it done (G1)"),
    "directives.verify": _entry("supervisor office importer", "own", "verify the report (G1)"),
    "directives.read": _entry("agency supervisor office leader importer", "own", "state and history of a directive"),
    "directives.import": _entry("importer", "city", "many commands of an imported log at once"),
    "directives.tick": _entry("importer", "city", "move the clock of an imported log"),
    "directives.decree": _entry("office", "city", "a year's working days by decree, for all clocks"),
    # notifications: board and feeds
    "board.read": _entry(_BOARD, "own", "the alert board (J1)"),
    "alerts.list": _entry(f"{_BOARD} importer", "own", "alerts, filtered (J1)"),
    "alerts.read": _entry(f"{_BOARD} importer", "own", "one alert with its explanation and evidence (J1)"),
    "watermarks.read": _entry(f"{_BOARD} importer", "city", "up to when the board is complete"),
    "latency.read": _entry(f"{_BOARD} importer", "city", "how fast alerts come"),
    "feed.read": _entry(f"{_BOARD} importer", "own", "alerts as they change"),
    "sign-in": _entry(_EVERYONE, "city", "the sign-in page, tickets and signing out"),
    "preferences": _entry(_EVERYONE, "city", "language of the pages"),
    # metrics
    "kpis.read": _entry(_BOARD, "own", "key figures"),
}  # fmt: skip

_TAKES_DOWN = frozenset({"clerk", "office"})
# Who may file under which channel on the live timeline (rows A1, A2). What somebody brings in person, by telephone or
# on paper is taken down by a clerk; "citizen" means everybody. Imported logs have timelines of their own.
CHANNELS: Mapping[str, frozenset[str]] = {
    "website": frozenset({"citizen"}), "hotline": _TAKES_DOWN, "letter": _TAKES_DOWN, "questionnaire": _TAKES_DOWN,
    "supervision_box": _TAKES_DOWN, "media": _TAKES_DOWN, "procuratorate": _TAKES_DOWN, "report_centre": _TAKES_DOWN,
    "petition_office": _TAKES_DOWN, "reception_day": _TAKES_DOWN, "import": _TAKES_DOWN,
    "supervisor": frozenset({"monitor"}) | _TAKES_DOWN, "email": frozenset({"intake"}) | _TAKES_DOWN,
    "open311": frozenset({"application"}),
}  # fmt: skip


def may_file(channel: str, principal: Principal) -> bool:
    """Whether one of the principal's roles may file under `channel`. Raises KeyError for a channel without an entry."""
    return "citizen" in CHANNELS[channel] or not CHANNELS[channel].isdisjoint(principal.roles)


def allows(endpoint: str, principal: Principal) -> bool:
    """Whether one of the principal's roles may call `endpoint`. Raises KeyError for an endpoint without an entry."""
    return not TABLE[endpoint].roles.isdisjoint(principal.roles)


class Reach(NamedTuple):
    """Whose records a principal sees through an endpoint: the whole city, or these agencies and groups."""

    city: bool
    agencies: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def covers(self, agency: str | None, groups: Mapping[str, str]) -> bool:
        """Whether a record of `agency` is within reach; `groups`: agency -> group. Nobody's is the city's."""
        if self.city:
            return True
        return agency is not None and (agency in self.agencies or groups.get(agency, "unassigned") in self.groups)


def reach(endpoint: str, principal: Principal) -> Reach:
    """The reach of `principal` at `endpoint` through those of its roles that may call it: the widest one counts."""
    entry = TABLE[endpoint]
    roles = entry.roles & principal.roles
    if entry.scope == "city" or roles - _AGENCY_BOUND - {"supervisor", "citizen", "holder"}:
        return Reach(city=bool(roles))
    return Reach(
        city=False,
        agencies=frozenset({principal.agency} if roles & _AGENCY_BOUND and principal.agency else ()),
        groups=frozenset({principal.group} if "supervisor" in roles and principal.group else ()),
    )


def load_groups(policies: Path) -> dict[str, str]:
    """Agency code -> supervision group code, from city.yaml in `policies`; empty when there is no such file."""
    path = policies / "city.yaml"
    if not path.exists():
        return {}
    city = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return {agency["code"]: agency["group"] for agency in city.get("agencies", [])}
