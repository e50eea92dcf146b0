"""What the document says of the API as a whole."""

from collections.abc import Mapping

TITLE = "Creatorscout"
VERSION = "1"
DESCRIPTION = """\
Finds creators on TikTok, Instagram and YouTube, by keywords or by likeness to an account.

- **Names** are camelCase, unknown is null, ids are opaque, times are RFC 3339 in UTC.
- **Authentication**: a session token of Clerk as `Authorization: Bearer`.
  Another's id is answered like an unknown one: 404.
- **Errors** are problem documents (RFC 9457, `application/problem+json`). `type` is stable; `errors` names the fields.
  A path that does not exist is answered with 404, a method that a path does not know with 405 and `Allow`.
- **Strictness**: an unknown field of a body and a number sent as text are errors, never guessed at. Clients, on the
  other hand, should ignore fields of answers that they do not know: we add some without a new version.
- **Waiting**: send the `ETag` of an answer back as `If-None-Match`; 304 says that nothing has changed. `Retry-After`
  says when it is worth to ask again.
"""

TAGS: Mapping[str, str] = {
    "campaigns": "What jobs are filed under: made, renamed, archived, deleted.",
    "jobs": "A search for creators: created, read, cancelled, retried, extended, deleted.",
    "results": "The creators that a job delivered.",
    "usage": "What jobs cost, also those that are gone.",
    "events": "What happens to a job, told while it happens.",
    "scraping": "The first form of the API: create a job and poll it with all its creators.",
    "session": "Who asks, and what they may still do.",
    "administration": "For administrators (`limits.admin_user_ids`); everybody else is answered with 403.",
    "docs": "This document, for programs and for people.",
    "health": "For probes and Prometheus.",
}
