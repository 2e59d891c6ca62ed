"""What the service counts of itself, for a monitoring system that asks every few seconds."""

import asyncio
from hmac import compare_digest
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from app.core import metrics
from app.core.door import Door
from app.core.errors import NotFound, NotSignedIn
from app.settings import Settings

router = APIRouter(tags=["service"], route_class=Door, include_in_schema=False)


@router.get("/metrics", summary="Figures for a monitoring system")
async def read_metrics(request: Request, authorization: Annotated[str, Header()] = "") -> Response:
    """Every figure in Prometheus's text format; none is about a person.

    Needs the settings' token as bearer. Without one in the settings it is open in development and absent in
    production.
    """
    state = request.app.state
    _admit(state.settings, authorization)
    metrics.sample(state.database)
    figures = await state.observatory.figures()
    return Response(await asyncio.to_thread(metrics.text, figures), media_type=metrics.CONTENT_TYPE)


def _admit(settings: Settings, authorization: str) -> None:
    if settings.metrics_token is None:
        if settings.environment == "production":
            raise NotFound()
        return
    wanted = f"Bearer {settings.metrics_token.get_secret_value()}"
    if not compare_digest(authorization.encode(), wanted.encode()):
        raise NotSignedIn()
