"""The generated city's complaints one request each, as `duban demo` sends them: every one is taken."""

from services.contracts.identifiers import case_id
from simulation.city.generate import generate
from simulation.stream import SERVICES
from tests.support.folding import POLICIES
from tests.support.sources import complaints_in_memory


def test_every_request_of_a_town_is_taken_by_the_complaints_service(tmp_path):
    api, store = complaints_in_memory(tmp_path)
    town = generate(POLICIES, seed=7, days=12)
    commands = [command for command in town.commands if command.kind == "complaint"]
    importer = api.bearer("importer")
    for command in commands:
        case = case_id("complaint", town.timeline, command.source_ref)
        opening = command.command == SERVICES["complaint"].opening
        answer = api.client.post(
            "/v1/cases" if opening else f"/v1/cases/{case}/{command.command}",
            content=bytes(command.data),
            headers=importer | {"Duban-Timeline": town.timeline, "Duban-Occurred-At": command.occurred_at.isoformat()},
        )
        assert answer.is_success, (command.command, answer.text)
    assert len(store.published) == len(commands)
