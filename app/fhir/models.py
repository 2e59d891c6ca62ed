"""Messages as they came, kept sealed as evidence, with the answer each was given."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.core.codes import Code
from app.core.models import Row, coded, texts


class MessageState(Code):
    """What became of a message."""

    DONE = "done", "Processed"
    REFUSED = "refused", "Refused"


class FhirMessage(Row, table=True):
    """One message of one client; its two ids together are taken once."""

    __tablename__ = "fhir_messages"
    __table_args__ = (
        sa.UniqueConstraint("client_id", "message_request_id", "correlation_id"),
        sa.Index("ix_fhir_messages_referral_id", "referral_id"),
        sa.Index("ix_fhir_messages_correlation_id", "client_id", "correlation_id"),
        sa.Index("ix_fhir_messages_identifiers", "identifiers", postgresql_using="gin"),
    )

    client_id: UUID
    message_request_id: UUID
    """X-Request-Id of the sender."""
    correlation_id: UUID
    state: MessageState = coded(MessageState, "state")
    status: int
    referral_id: UUID | None = Field(default=None, foreign_key="referrals.id")
    kind: str = Field(max_length=20)
    """new, cancel or unknown."""
    bundle_id: str | None = Field(default=None, max_length=200)
    identifiers: list[str] = texts()
    """`system|value` of the ServiceRequest, for matching a cancel."""
    sender: str | None = Field(default=None, max_length=200)
    """The ODS code the message names as sender; kept, not compared."""
    return_address: str | None = Field(default=None, max_length=400)
    """MessageHeader.source.endpoint."""
    body_hash: str = Field(max_length=64)
    body: bytes
    """The message, sealed."""
    answer: bytes
    """The answer, sealed."""
