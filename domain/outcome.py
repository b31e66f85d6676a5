"""What a response or a delivery came to: the only two lists of outcomes."""

from enum import StrEnum

__all__ = ["DeliveryClass", "Drop", "FetchOutcome"]


class FetchOutcome(StrEnum):
    """Outcome of one response; a block is never an empty result, nor the reverse."""

    OK = "ok"
    EMPTY = "empty"
    LOGIN_REQUIRED = "login_required"
    AUTH_REQUIRED = "auth_required"
    AUTH_FAILED = "auth_failed"
    CAPTCHA = "captcha"
    JS_CHALLENGE = "js_challenge"
    SIGNATURE_REJECTED = "signature_rejected"
    RATE_LIMITED = "rate_limited"
    BLOCKED = "blocked"
    IP_BLOCKED = "ip_blocked"
    ACCOUNT_RESTRICTED = "account_restricted"
    GONE = "gone"
    EXPIRED_LINK = "expired_link"
    COMMENTS_CLOSED = "comments_closed"
    RETRY_SHELL = "retry_shell"
    SCHEMA_ERROR = "schema_error"
    PARSE_ERROR = "parse_error"
    BAD_QUERY = "bad_query"
    ERROR = "error"
    EMPTY_OR_UPSTREAM_BLOCKED = "empty_or_upstream_blocked"

    @property
    def proves_life(self) -> bool:
        """Say whether the source answered as it should: its silence then means silence."""
        return self in {FetchOutcome.OK, FetchOutcome.EMPTY, FetchOutcome.COMMENTS_CLOSED}


class DeliveryClass(StrEnum):
    """What a channel's answer means for the delivery (contracts: channels, section 8)."""

    OK = "ok"
    HELD = "held"
    DEGRADE = "degrade"
    BROKEN = "broken"
    UNCERTAIN = "uncertain"
    TRANSIENT = "transient"


class Drop(StrEnum):
    """Why a stage let something go; every drop is counted under one of these."""

    KNOWN = "known"
    DUPLICATE_IN_BATCH = "duplicate_in_batch"
    NO_ID = "no_id"
    NO_TEXT = "no_text"
    TOO_OLD = "too_old"
    OVER_LIMIT = "over_limit"
    NOT_QUERIED = "not_queried"
    UNREADABLE = "unreadable"
    DEAD_LETTER = "dead_letter"
