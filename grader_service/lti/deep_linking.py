"""The answer to a deep-linking message: links to assignments, which the platform puts into its course."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grader_service.core.settings import Settings
from grader_service.grading.gradebook import Column
from grader_service.lti import keys
from grader_service.lti.messages import CLAIM, DEEP, Launch


def answer(settings: Settings, platform: Any, launch: Launch, columns: Sequence[Column], launch_url: str) -> str:
    """A signed message with a link for each assignment, and a column of grades for each link.

    columns : the assignments that a teacher has selected
    """
    items = [
        {
            "type": "ltiResourceLink",
            "title": column.title,
            "url": launch_url,
            "custom": {"assignment": column.name},
            "lineItem": {"scoreMaximum": column.possible, "label": column.title, "resourceId": column.name},
            "window": {"targetName": "_blank"},
        }
        for column in columns
    ]
    claims = {
        "iss": platform.client_id,
        "aud": [platform.issuer],
        "nonce": launch.nonce,
        f"{CLAIM}message_type": "LtiDeepLinkingResponse",
        f"{CLAIM}version": "1.3.0",
        f"{CLAIM}deployment_id": launch.deployment,
        f"{DEEP}content_items": items,
    }
    if launch.data:
        claims[f"{DEEP}data"] = launch.data
    return keys.sign(settings, claims)
