"""Open311 GeoReport v2 (row A1): complaints that come through other people's applications."""
