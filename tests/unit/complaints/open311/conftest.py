"""Open311 in memory, with the services of the city's own policy and an application that has a key."""

from pathlib import Path
from shutil import copy
from xml.etree import ElementTree

import pytest

from services.complaints.open311.keys import give, keys_file
from services.complaints.open311.policy import load_open311
from services.vault.keyring import Keyring
from tests.support.sources import T0, complaints_in_memory

POLICIES = Path(__file__).parents[4] / "policies"
V2 = "/open311/v2"
SECRETS = {"first_name": "三", "last_name": "张", "phone": "13800138000", "email": "zhang@example.org"}
DEVICE = {"device_id": "tt222111", "account_id": "account-77"}


def parsed(xml):
    return ElementTree.fromstring(xml)  # noqa: S314 — our own


@pytest.fixture
def policy():
    return load_open311(POLICIES)


@pytest.fixture
def complaints(tmp_path):
    for name in ("open311.yaml", "city.yaml"):
        copy(POLICIES / name, tmp_path)
    Keyring.create(tmp_path / "vault", tmp_path / "public", T0)
    return complaints_in_memory(tmp_path)


@pytest.fixture
def api(complaints):
    return complaints[0].client


@pytest.fixture
def key(complaints, tmp_path):
    return give(keys_file(tmp_path / "keys" / "signing.jwk"), "city-app")


@pytest.fixture
def post(api, key):
    def send(form="json", headers=None, **fields):
        return api.post(f"{V2}/requests.{form}", data={"api_key": key, **fields}, headers=headers)

    return send
