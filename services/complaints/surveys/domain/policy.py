"""What policies/surveys.yaml says: how many answers there must be before any is shown (row A6). Free of files."""

from typing import Annotated

import msgspec


class SurveyPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`minimum_group`: fewer answers to a question about one agency are never shown. Two would be no protection."""

    version: str
    minimum_group: Annotated[int, msgspec.Meta(ge=3, le=1000)]
