"""Headers of answers that more than one operation has."""

from gateway.contract.operation import Header

REQUEST_ID = Header(
    name="X-Request-Id",
    description="The id of this request, under which it stands in our log.",
    schema={"type": "string", "format": "uuid"},
    example="01930000-0000-7000-8000-0000000000aa",
)
CACHE_CONTROL = Header(name="Cache-Control", description="Who may keep the answer.", example="private, no-store")
VARY = Header(
    name="Vary",
    description="What the answer depends on, for caches.",
    is_required=False,
    example="Authorization, Origin",
)
ETAG = Header(
    name="ETag",
    description="Names the state that was answered; send it as `If-None-Match`.",
    schema={"type": "string", "pattern": '^"[!#-~]+"$'},
    example='"1f0c8a6f2c5d4e7b9a3b5c7d9e1f2a4b"',
)
LOCATION = Header(
    name="Location",
    description="The address of what was made.",
    schema={"type": "string", "format": "uri-reference"},
    example="/api/v1/campaigns/01930000-0000-7000-8000-000000000001",
)
RETRY_AFTER = Header(
    name="Retry-After",
    description="The seconds after which it is worth to ask again.",
    schema={"type": "string", "pattern": "^[1-9][0-9]*$"},
    example="2",
)
ALLOW = Header(name="Allow", description="The methods that this address knows.", example="GET, OPTIONS")
AUTHENTICATE = Header(
    name="WWW-Authenticate", description="How to authenticate.", example='Bearer error="invalid_token"'
)
REPLAYED = Header(
    name="Idempotency-Replayed",
    description="`true`: this is the first answer to the key, given once more; nothing was done.",
    schema={"type": "string", "enum": ["true"]},
    is_required=False,
    example="true",
)
RATE_LIMIT_POLICY = Header(
    name="RateLimit-Policy",
    description="The limits that are set, each with its quota and its window in seconds: `requests` of your owner to "
    "this gateway, with creations also the `credits` of your owner's day. On every answer to a valid token.",
    is_required=False,
    example='"requests";q=3000;w=60, "credits";q=1000;w=86400',
)
RATE_LIMIT = Header(
    name="RateLimit",
    description="What is left of each quota, and the seconds until it is whole again.",
    is_required=False,
    example='"requests";r=2990;t=41, "credits";r=250;t=3600',
)
DISPOSITION = Header(
    name="Content-Disposition",
    description="A name for the file.",
    example='attachment; filename="creators.csv"',
)

# What every answer has, whatever its status.
ALWAYS = (REQUEST_ID, CACHE_CONTROL, VARY, RATE_LIMIT_POLICY, RATE_LIMIT)
