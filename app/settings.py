"""Everything the environment may say, typed and frozen; production refuses to start on an unsafe value."""

from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


def _alias(name: str) -> AliasChoices:
    return AliasChoices(name, f"PEER_SUPPORT_{name}", name.lower())


class Settings(BaseSettings):
    """Read from the environment with the prefix `PEER_SUPPORT_`; the database addresses also without it."""

    model_config = SettingsConfigDict(env_prefix="PEER_SUPPORT_", frozen=True, populate_by_name=True)

    environment: Literal["development", "production"] = "development"
    public_url: str = "http://127.0.0.1:8000"
    """Where callers reach us: issuer of tokens, audience of client assertions, base of links."""
    extra_token_urls: tuple[str, ...] = ()
    """Other addresses of the token endpoint that client assertions may name as audience."""

    database_url: str | None = Field(default=None, validation_alias=_alias("DATABASE_URL"))
    """Login of the API, as postgresql://user@host/name; unset: the PostgreSQL that comes with the package."""
    database_owner_url: str | None = Field(default=None, validation_alias=_alias("DATABASE_OWNER_URL"))
    """Login of the owner, for migrations only."""
    database_read_url: str | None = Field(default=None, validation_alias=_alias("DATABASE_READ_URL"))
    """A replica for reports; unset: the primary."""
    role_prefix: str = Field(default="pm_", pattern=r"^[a-z][a-z0-9_]{0,20}_$")
    """Database roles belong to the cluster; the prefix keeps two installations on one cluster apart."""
    data_dir: Path = Path(".peer-support")
    """Where the embedded PostgreSQL and the development keys are kept."""
    postgres_user: str | None = None
    """As root: the unprivileged user that runs the embedded PostgreSQL."""
    replica_gone: Literal["primary", "refuse"] = "primary"
    """What a report does while the replica does not answer: read the primary, or say so with 503."""
    transaction_pooling: bool = False
    """The API reaches PostgreSQL through a pooler that lends a connection for one transaction only (pgbouncer)."""
    api_processes: int = Field(default=2, ge=1, le=64)
    """API processes of `serve --workers`, and what the pools are reckoned with."""
    writing_pool: int = Field(default=10, ge=1, le=200)
    reading_pool: int = Field(default=10, ge=1, le=200)
    reporting_pool: int = Field(default=3, ge=1, le=50)
    requests_at_once: int = Field(default=4, ge=1, le=1000)
    """Requests one process works on at once; more wait for their turn, for a moment only."""
    request_limit: int = Field(default=32, ge=1, le=10_000)
    """Requests one process keeps waiting at most; further ones get 503 with Retry-After at once."""
    statement_timeout_ms: int = Field(default=15_000, ge=100)

    backup_dir: Path | None = None
    """Where backups lie; unset: `backups` in the data directory. Another disk is safer."""
    backup_recipients: tuple[str, ...] = ()
    """Public age keys (age1…) that backups are encrypted to; in development one is made and kept."""
    backup_identity_file: Path | None = None
    """The private age key that opens backups, for restoring and for the monthly drill; may be kept elsewhere."""
    backup_hours: int = Field(default=24, ge=0, le=168)
    """Hours between the worker's backups; 0: none."""
    backup_daily: int = Field(default=7, ge=1, le=366)
    backup_weekly: int = Field(default=5, ge=0, le=520)
    backup_monthly: int = Field(default=12, ge=0, le=240)
    """How many days, weeks and months keep their newest backup."""

    metrics_token: SecretStr | None = None
    """Bearer token of GET /metrics; unset: open in development, absent in production."""
    traces_url: str | None = None
    """Where traces go (OTLP over HTTP), like http://127.0.0.1:4318; unset: nowhere."""

    signing_keys: tuple[SecretStr, ...] = ()
    """RSA private keys as PEM for access tokens, the one in use first; older ones still verify."""
    sealing_keys: tuple[SecretStr, ...] = ()
    """AES-256 keys, 64 hexadecimal digits each, the one in use first."""
    access_token_minutes: int = Field(default=15, ge=1, le=60)
    refresh_token_days: int = Field(default=14, ge=1, le=90)
    client_token_seconds: int = Field(default=300, ge=60, le=300)
    password_link_hours: int = Field(default=72, ge=1, le=168)
    argon2_time_cost: int = Field(default=3, ge=1, le=10)
    argon2_memory_kib: int = Field(default=65_536, ge=8, le=1_048_576)
    sign_in_tries: int = Field(default=10, ge=3, le=1000)
    """Failed sign-ins per account and address within 15 minutes before 429."""

    cors_origins: tuple[str, ...] = ()
    """Origins of the partner's frontend, exact; no wildcard."""
    body_limit: int = 1024 * 1024
    fhir_body_limit: int = 5 * 1024 * 1024
    lenient_nhs_numbers: bool = False
    """Take NHS numbers that fail modulus 11 at the FHIR door; for the national sample messages only."""
    clock_movable: bool = False
    """Offer PUT /v1/clock; for demonstrations and tests, never in production."""
    read_audit_waits: bool = False
    """Wait for the disk at each audited read; off, a crash of the database host may lose the last half second of it."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("public_url")
    @classmethod
    def _one_address(cls, url: str) -> str:
        if url.endswith("/") or "://" not in url:
            raise ValueError("scheme://host[:port], without a slash at the end: tokens are issued and checked for it")
        return url

    @model_validator(mode="after")
    def _production_is_safe(self) -> Self:
        if any(o == "*" or o.endswith("/") or "://" not in o for o in self.cors_origins):
            raise ValueError("cors_origins: each is scheme://host[:port], exact, without a slash at the end")
        if self.environment != "production":
            return self
        faults = [
            (self.clock_movable, "clock_movable must be off"),
            (self.lenient_nhs_numbers, "lenient_nhs_numbers must be off"),
            (not self.public_url.startswith("https://"), "public_url must be https"),
            (not self.signing_keys, "signing_keys must be set"),
            (not self.sealing_keys, "sealing_keys must be set"),
            (self.argon2_memory_kib < 19_456, "argon2_memory_kib must be at least 19456"),
        ]
        wrong = [words for is_wrong, words in faults if is_wrong]
        if wrong:
            raise ValueError("production refuses to start: " + "; ".join(wrong))
        return self
