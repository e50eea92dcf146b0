"""Decides whether a dynamic setting may be changed. That its value is in bounds was seen before, by its key."""

from enum import StrEnum

from common.domain.setting import SystemSettings


class Refusal(StrEnum):
    """Why a setting stays as it is."""

    NOT_ADMINISTRATOR = "you are no administrator any more"
    OWN_REMOVAL = "you cannot remove yourself from the administrators: another of them can"
    NO_SECOND_PAGE = (
        "api.delay_between_calls must be less than timeouts.standard_job_timeout: no job would reach its second page"
    )


def refuse_change(before: SystemSettings, after: SystemSettings, *, administrator: str | None) -> Refusal | None:
    """None if the change is allowed. `administrator` is the user who asks for it; None for an operator, who answers to
    nobody.

    What was wrong together before keeps nobody from changing something else.
    """
    if administrator is not None:
        if administrator not in before.limits.admin_user_ids:
            return Refusal.NOT_ADMINISTRATOR
        if administrator not in after.limits.admin_user_ids:
            return Refusal.OWN_REMOVAL
    if _has_no_second_page(after) and not _has_no_second_page(before):
        return Refusal.NO_SECOND_PAGE
    return None


def _has_no_second_page(settings: SystemSettings) -> bool:
    return settings.api.delay_between_calls >= settings.timeouts.standard_job_timeout
