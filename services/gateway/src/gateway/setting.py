"""What only the gateway reads from the environment."""

from common.settings import EnvironmentSettings


class ClerkKeySettings(EnvironmentSettings):
    """`clerk_jwt_key` is the issuer's public key in PEM form; with it the issuer is never asked for its keys."""

    clerk_jwt_key: str | None = None
