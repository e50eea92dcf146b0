"""The classes of data that have an end of their own. What is not here goes with its job, or is kept for minutes."""

from enum import StrEnum


class DataClass(StrEnum):
    """`results`: a job's creators; `profiles`: what is cached of accounts for all jobs; `dead_letters`: those that are
    settled; `setting_changes`: who changed which setting; `owner_days`: what owners were granted on a day."""

    RESULTS = "results"
    PROFILES = "profiles"
    DEAD_LETTERS = "dead_letters"
    SETTING_CHANGES = "setting_changes"
    OWNER_DAYS = "owner_days"
