"""The service, put together: what every request passes, how refusals look, and the table of contents below."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.exceptions import HTTPException

from app import installation
from app.access.passwords import PasswordHasher
from app.access.tokens import Passes
from app.accounts.routes import router as accounts
from app.accounts.sign_in_routes import router as sign_in
from app.consents.routes import router as consents
from app.core import documents, faces, logs, traces
from app.core.ceiling import Ceiling, Turns, Turnstile
from app.core.database import Database
from app.core.edge import Edge
from app.core.errors import Problem, Unavailable
from app.core.faces import problem_response
from app.core.metrics import Watch, refused, sampling
from app.core.refusals import problem_of
from app.endings.routes import router as endings
from app.fhir.faces import FhirFace
from app.fhir.routes import router as fhir
from app.goals.routes import router as goals
from app.matches.routes import router as matches
from app.matches.suggestion_routes import router as suggestions
from app.mentees.routes import router as mentees
from app.mentors.routes import router as mentors
from app.observing.figures import Observatory
from app.observing.routes import router as observing
from app.organisations.routes import router as organisations
from app.pam_assessments.routes import router as pam_assessments
from app.people.routes import router as people
from app.programmes.routes import router as programmes
from app.referrals.routes import router as referrals
from app.reports.routes import router as reports
from app.screens.routes import router as screens
from app.screens.service_routes import router as service
from app.screens.service_routes import sandbox
from app.sessions.routes import router as sessions
from app.settings import Settings

EXPOSED = ("ETag", "Link", "Location", "Retry-After", "X-Request-Id", "Idempotent-Replayed")

ROUTERS = (
    service,
    observing,
    sign_in,
    accounts,
    organisations,
    programmes,
    people,
    consents,
    mentees,
    referrals,
    mentors,
    matches,
    suggestions,
    goals,
    pam_assessments,
    sessions,
    endings,
    reports,
    screens,
    fhir,
)


def create_app(settings: Settings, addresses: installation.Addresses) -> FastAPI:
    """The whole API on one database; nothing is connected before it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await app.state.database.open()
        async with app.state.observatory.open(), sampling(app.state.database):
            yield
        await app.state.database.close()

    app: FastAPI = FastAPIOffline(
        title="Peer support API",
        version=documents.VERSION,
        summary="From a GP's referral to an outcome a commissioner can read.",
        description=documents.DESCRIPTION,
        openapi_tags=documents.TAGS,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.settings = settings
    made: type[Database] = traces.adapter().TracedDatabase if settings.traces_url else Database
    app.state.database = made(settings, addresses.login, addresses.read)
    app.state.observatory = Observatory(settings, addresses.login, addresses.read)
    app.state.signing_keys = installation.signing_keys(settings)
    app.state.passes = Passes(app.state.signing_keys, settings.public_url)
    app.state.sealer = installation.sealer(settings)
    app.state.cursor_secret = app.state.sealer.derive("list cursors")
    app.state.passwords = PasswordHasher(settings.argon2_time_cost, settings.argon2_memory_kib)
    logs.configure(settings.log_level)
    for router in (*ROUTERS, sandbox) if settings.clock_movable else ROUTERS:
        # one flat list: a router included in another is matched twice over for each request
        app.router.routes.extend(router.routes)
    _refusals(app)
    _middleware(app, settings)
    documents.complete(app)
    return app


def _middleware(app: FastAPI, settings: Settings) -> None:
    if settings.traces_url:
        otlp = traces.adapter()
        app.add_middleware(otlp.Traced, provider=otlp.provider(settings.traces_url))
    turns = Turns(settings.requests_at_once, settings.request_limit, refused)
    app.add_middleware(Ceiling, turns)
    app.add_middleware(
        Edge,
        limit_of=lambda path: settings.fhir_body_limit if path.startswith("/fhir/") else settings.body_limit,
    )
    app.add_middleware(Turnstile, turns)
    app.add_middleware(FhirFace)
    app.add_middleware(Watch)
    # outermost, so that a browser can read a refusal of the edge as well
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(settings.cors_origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "If-Match", "Idempotency-Key", "X-Request-Id"],
        expose_headers=list(EXPOSED),
        allow_credentials=False,
    )


def _refusals(app: FastAPI) -> None:
    """Each kind of failure and its one face."""

    @app.exception_handler(Problem)
    async def _problem(request: Request, error: Problem) -> Response:
        return _refused(request, error, error.__cause__)

    @app.exception_handler(RequestValidationError)
    async def _not_valid(request: Request, error: RequestValidationError) -> Response:
        return problem_response(request, faces.problem_of_validation(error))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return problem_response(request, faces.problem_of_http(error))

    async def _database(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if problem is None:
            return await _bug(request, error)
        return _refused(request, problem, error)

    async def _busy(request: Request, error: Exception) -> Response:
        return _refused(request, Unavailable(headers={"Retry-After": "2"}), error)

    async def _bug(request: Request, error: Exception) -> Response:
        logs.logger().error("bug", exception_type=type(error).__name__, where=logs.where_of(error))
        return problem_response(request, Problem())

    def _refused(request: Request, problem: Problem, error: BaseException | None) -> Response:
        if isinstance(problem, Unavailable) and error is not None:  # whoever operates the service wants to know why
            logs.logger().warning("unavailable", exception_type=type(error).__name__, where=logs.where_of(error))
        return problem_response(request, problem)

    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(SQLAlchemyError, _database)
    app.add_exception_handler(ConnectionError, _busy)
    app.add_exception_handler(TimeoutError, _busy)
    app.add_exception_handler(asyncpg.PostgresError, _database)
    app.add_exception_handler(asyncpg.InternalClientError, _database)
    app.add_exception_handler(asyncpg.InterfaceError, _busy)
