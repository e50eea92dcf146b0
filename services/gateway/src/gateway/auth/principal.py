"""Whom a verified token speaks for."""

from dataclasses import dataclass

ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """`actor` is set if somebody impersonates the user, and names who. `expires_at` is the token's, in Unix time.
    `org_role` is the user's in the organisation, without `org:`."""

    user_id: str
    session_id: str
    org_id: str | None
    actor: str | None
    expires_at: int
    org_role: str | None = None

    @property
    def owner(self) -> str:
        """The tenant: the organisation of the session, else the user alone."""
        return f"org:{self.org_id}" if self.org_id else f"user:{self.user_id}"

    @property
    def may_delete_account(self) -> bool:
        """Everybody their own; an organisation's only its administrators."""
        return self.org_id is None or self.org_role == ADMIN

    @property
    def is_impersonated(self) -> bool:
        return self.actor is not None
