"""The doctor: looks at everything that may be wrong with an installation and says in plain words what to do."""

import asyncio
import json
from dataclasses import asdict

import asyncpg
from pydantic import ValidationError

from app import installation
from app.core.embedded import EmbeddedFailed
from app.core.errors import Problem
from app.installation import Addresses
from app.keeping.checks import backups, configuration, database, machine, work
from app.keeping.findings import Finding, bad
from app.settings import Settings


def examine() -> list[Finding]:
    """Everything that can be looked at from here with the settings of the environment; changes nothing."""
    try:
        settings = Settings()
    except ValidationError as error:
        return [_wrong_settings(error)]
    found = machine.findings(settings)
    try:
        with installation.database(settings) as addresses:
            found += asyncio.run(_of_database(settings, addresses))
    except EmbeddedFailed as error:
        found.append(bad("database", str(error), ""))
    return [*found, *backups.findings(settings), *configuration.findings(settings)]


def _wrong_settings(error: ValidationError) -> Finding:
    """Which settings are wrong and why, never what they say: some are keys."""
    faults = [
        f"{'.'.join(map(str, fault['loc']))} {fault['msg']}".strip() for fault in error.errors(include_input=False)
    ]
    return bad("settings", "; ".join(faults), "Set them as operations.md says.")


async def _of_database(settings: Settings, addresses: Addresses) -> list[Finding]:
    found = await database.findings(settings, addresses)
    try:
        return [*found, *await work.findings(settings, addresses.login)]
    except (OSError, asyncpg.PostgresError, Problem) as error:
        return [*found, bad("worker", f"the service's login cannot ask ({type(error).__name__})", database.UPGRADE)]


def as_text(found: list[Finding]) -> str:
    """One line each."""
    return "\n".join(
        f"{one.level.value:<4}  {one.check}: {one.words.removesuffix('.')}. {one.todo}".rstrip() for one in found
    )


def as_json(found: list[Finding]) -> str:
    """An object for each line: check, level, words, todo."""
    return json.dumps([asdict(one) for one in found], indent=1)
