"""The HTTP application over an open house: one function, no globals."""

from collections.abc import Sequence
from importlib import metadata
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import examples, openai_errors, problems
from api.access import OPEN_PATHS, KnownKeys, Needs
from api.body import BODY_BYTES_MAX, BODY_READ_S, BodyCut
from api.cookies import SECURE_NAME
from api.express import Express
from api.figures import Figures
from api.routes import (
    ag_ui,
    approvals,
    assignment,
    auth,
    changes,
    channels,
    credentials,
    events,
    exceptions,
    executions,
    fixed_by,
    health,
    heartbeats,
    identities,
    incidents,
    jobs,
    learning,
    logs,
    metrics,
    openai_chat,
    people,
    playbooks,
    policy,
    push_targets,
    quarantine,
    regrouping,
    rota,
    site,
    slack,
    sources,
    standing,
    storms,
    suppression,
    switches,
    teams,
    telegram,
    threads,
    topology,
    webhooks,
)
from api.telegram_crowd import Crowd
from core.errors import BadConfiguration
from engine.passwords import Hasher

ROUTES = (
    webhooks,
    incidents,
    storms,
    assignment,
    regrouping,
    fixed_by,
    events,
    threads,
    exceptions,
    approvals,
    executions,
    playbooks,
    policy,
    standing,
    learning,
    suppression,
    quarantine,
    topology,
    heartbeats,
    channels,
    switches,
    jobs,
    telegram,
    openai_chat,
    ag_ui,
    changes,
    logs,
    site,
    sources,
    people,
    teams,
    auth,
    credentials,
    identities,
    push_targets,
    rota,
    slack,
    health,
    metrics,
)
GENERIC_PROBLEMS = (400, 401, 403, 409, 422, 503)
BODY_PROBLEMS = (408, 413, 415)
"""A body that comes too slowly, is too large, or is in an encoding that is not read."""


def build_app(
    house: Any, *, runs_jobs: bool = False, body_bytes_max: int = BODY_BYTES_MAX, body_read_s: float = BODY_READ_S
) -> FastAPI:
    """The application that serves this house. `runs_jobs`: it is only ready while a worker is seen."""
    app = FastAPI(
        title="Nightshift",
        version=version(),
        summary="The on-call colleague that never sleeps and remembers every fix.",
        docs_url="/docs",
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.house = house
    app.state.keys = KnownKeys(house.store)
    app.state.hasher = Hasher()
    app.state.figures = Figures()
    app.state.slack = slack.SlackDoors(house)
    app.state.crowd = Crowd()
    app.state.readiness = health.Readiness(house.store, runs_jobs)
    for module in ROUTES:
        app.include_router(module.router)
    if missing := undeclared(app):
        raise BadConfiguration(f"Routes that do not say who may use them: {', '.join(missing)}.")
    app.state.doors = [(route.path_regex, route.methods) for route in routes_of(app)]
    problems.install(app)
    app.add_middleware(Express, house=house, keys=app.state.keys, figures=app.state.figures)
    app.add_middleware(BodyCut, bytes_max=body_bytes_max, read_s=body_read_s, counted=app.state.figures.cut)
    app.openapi = lambda: described(app)  # type: ignore[method-assign]
    return app


def version() -> str:
    """The version that is installed."""
    try:
        return metadata.version("nightshift")
    except metadata.PackageNotFoundError:
        return "0"


def described(app: FastAPI) -> dict[str, Any]:
    """OpenAPI, with the way to authenticate and the problems that any route with a key can answer."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        parts = schema.setdefault("components", {})
        parts.setdefault("schemas", {})["Problem"] = problems.PROBLEM_SCHEMA
        parts["schemas"]["OpenAIError"] = openai_errors.ERROR_SCHEMA
        parts["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "basic": {"type": "http", "scheme": "basic", "description": "The key as the password, any user."},
            "session": {"type": "apiKey", "in": "cookie", "name": SECURE_NAME, "description": "Of /api/v1/auth/login."},
        }
        for path, needed, method in _keyed(app):
            operation = schema["paths"][path][method]
            operation["security"] = [{"bearer": []}, {"basic": []}, {"session": []}]
            operation["description"] = f"{operation.get('description', '')}\n\nNeeds {needed}."
            _document(operation, path, GENERIC_PROBLEMS)
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                if "requestBody" in operation:
                    _document(operation, path, BODY_PROBLEMS)
        examples.put_into(schema)
        app.openapi_schema = schema
    return app.openapi_schema


def _document(operation: dict[str, Any], path: str, statuses: Sequence[int]) -> None:
    faults = openai_errors if path.startswith(openai_errors.PATHS) else problems
    for status, answer in faults.documented(*statuses).items():
        operation["responses"][str(status)] = answer


def needs_of(route: Any) -> list[Needs]:
    """What a route asks of its caller; empty where it has no such dependency."""
    found, waiting = [], [getattr(route, "dependant", None)]
    while waiting:
        dependant = waiting.pop()
        if dependant is not None:
            if isinstance(dependant.call, Needs):
                found.append(dependant.call)
            waiting.extend(dependant.dependencies)
    return found


def undeclared(app: FastAPI) -> list[str]:
    """The paths that neither ask for a role nor are open to everybody on purpose."""
    return sorted({route.path for route in routes_of(app) if not needs_of(route)} - OPEN_PATHS)


def routes_of(app: FastAPI) -> list[Any]:
    """Every route with its full path, each once; how an application keeps included routers differs by version."""
    found: list[Any] = [route for route in app.routes if hasattr(route, "path")]
    found += [route for module in ROUTES for route in module.router.routes]
    return list({(route.path, tuple(sorted(route.methods))): route for route in found}.values())


def _keyed(app: FastAPI) -> list[tuple[str, str, str]]:
    return [
        (route.path_format, str(wanted[0]), method.lower())
        for route in routes_of(app)
        if (wanted := needs_of(route))
        for method in route.methods
    ]
