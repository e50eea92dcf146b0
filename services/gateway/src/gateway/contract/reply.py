"""Answers that more than one operation gives."""

from gateway.contract.header import ETAG
from gateway.contract.operation import Answer

NOT_MODIFIED = Answer(304, "Nothing has changed.", headers=(ETAG,))
