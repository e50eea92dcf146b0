"""The columns of files are those of the API."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from common.domain.creator import Creator
from gateway.export.table import Preset, Subject, table_of

# Lists of documents stand in one cell.
JOINED = ("contact.emails", "contact.accounts", "likeness.parts", "account.native")


def leaves(kind: Any, path: str = "") -> Iterator[str]:
    """The paths of a model's fields that hold no further model."""
    models = [kind] if isinstance(kind, type) and issubclass(kind, BaseModel) else []
    if get_origin(kind) is not None and get_origin(kind) is not dict:
        models = [inner for inner in get_args(kind) if isinstance(inner, type) and issubclass(inner, BaseModel)]
    if path in JOINED or not models:
        yield path
        return
    for model in models:
        for name, field in model.model_fields.items():
            yield from leaves(field.annotation, f"{path}.{to_camel(name)}".lstrip("."))


@pytest.mark.parametrize("subject", Subject)
def test_a_full_file_has_every_field_of_a_creator_once(subject: Subject) -> None:
    names = [column.name for column in table_of(Preset.FULL, subject).columns]
    facts = {
        Subject.JOB: ["platform", "seq", "foundAt", "enrichment", "jobIds"],
        Subject.CAMPAIGN: ["platform", "firstFoundAt", "lastFoundAt", "jobIds"],
    }[subject]
    assert sorted(names) == sorted([*leaves(Creator), *facts])


@pytest.mark.parametrize("preset", Preset)
@pytest.mark.parametrize("subject", Subject)
def test_names_of_columns_are_distinct(preset: Preset, subject: Subject) -> None:
    names = [column.name for column in table_of(preset, subject).columns]
    assert len(set(names)) == len(names)
