"""The public pages in memory, in a city with one agency."""

import pytest

from tests.support.sources import complaints_in_memory


@pytest.fixture
def city(tmp_path):
    (tmp_path / "city.yaml").write_text("agencies: [{code: tax, zh: 税务局, en: Tax Bureau, group: g1}]\n", "utf-8")
    return tmp_path


@pytest.fixture
def complaints(city):
    return complaints_in_memory(city)


@pytest.fixture
def api(complaints):
    return complaints[0]


@pytest.fixture
def store(complaints):
    return complaints[1]
