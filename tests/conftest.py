"""Fixtures for every test: the embedded stack where it is asked for, and no network at all where it is not."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.stack import Stack
from services.shared.logs import configure_logs
from tests.support import stack as support
from tests.support.no_network import no_network

configure_logs()
# Brokers of tests live for minutes: compiling for speed would cost them more than it gives back.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")
_HERE = Path(__file__).parent
_NO_INFRASTRUCTURE = tuple(_HERE / name for name in ("unit", "contract", "topology"))
_STACK_FIXTURES = ("stack", "infra")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole embedded stack: Kafka, MongoDB stand-in and every Duban process."""
    with support.running_stack(tmp_path_factory.mktemp("stack")) as started:
        yield started


@pytest.fixture(scope="session")
def infra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka with the topics, and the MongoDB stand-in; no Duban process."""
    with support.running_stack(tmp_path_factory.mktemp("infra"), support.INFRASTRUCTURE) as started:
        yield started


@pytest.fixture(autouse=True)
def _no_infrastructure(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test under unit/, contract/ or topology/ that opens a network connection fails, even from a thread."""
    if not any(request.path.is_relative_to(folder) for folder in _NO_INFRASTRUCTURE):
        yield
        return
    with no_network() as attempts:
        yield
    if attempts:
        pytest.fail(f"touched infrastructure: {', '.join(sorted(set(attempts)))}; such a test goes to integration/")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Put the last lines of the stack's logs under the report of a test that failed with one."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.failed:
        for name in _STACK_FIXTURES:
            used = getattr(item, "funcargs", {}).get(name)
            if isinstance(used, Stack):
                report.sections += [(f"log of {process}", tail) for process, tail in support.logs(used)]
