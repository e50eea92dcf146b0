"""The parameters of an address, read strictly: a misspelt filter must not mean none, nor the last of two win."""

from collections.abc import Collection, Mapping
from urllib.parse import parse_qsl

from common.errors import CallerError
from gateway.body import FAULTS_MAX, BodyError
from gateway.problem import Fault

PARAMETERS_MAX = 200
_NAME_SHOWN_MAX = 64


def read_parameters(query: bytes, known: Collection[str], *, is_open: bool = False) -> Mapping[str, str]:
    """Each parameter that is given, by its name. Raises BodyError for one that is given twice and, unless `is_open`,
    for one that is not `known`."""
    try:
        given = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=PARAMETERS_MAX)
    except ValueError:
        raise CallerError("has too many parameters", pointer="/", code="too_many") from None
    names = [name for name, _ in given]
    unknown = [] if is_open else [name for name in names if name not in known]
    faults = [_fault(name, "extra_forbidden", "is not a known parameter") for name in unknown]
    faults += [_fault(name, "repeated", "must be given once") for name in known if names.count(name) > 1]
    if faults:
        raise BodyError(faults[:FAULTS_MAX])
    return dict(given)


def _fault(name: str, code: str, message: str) -> Fault:
    shown = name[:_NAME_SHOWN_MAX].replace("~", "~0").replace("/", "~1")
    return Fault(pointer=f"/{shown}", code=code, message=message)
