"""The routes of rewards, supervisors and surveys put together."""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI

from services.complaints.offices import Offices
from services.complaints.rewards import api as rewards_api
from services.complaints.supervisors import api as supervisors_api
from services.complaints.surveys import api as surveys_api

BODIES = (*rewards_api.BODIES, *supervisors_api.BODIES, *surveys_api.BODIES)


def add_office_routes(app: FastAPI, offices: Offices, clock: Callable[[], datetime]) -> None:
    """Add /v1/rewards, /v1/inbox/reward, /v1/supervisors and /v1/surveys."""
    rewards_api.add_reward_routes(app, offices.rewards, offices.cashier)
    supervisors_api.add_supervisor_routes(app, offices.supervisors)
    surveys_api.add_survey_routes(app, offices.surveys, clock)
