"""What only administrators may do: the routes that see what is everybody's. They stand behind one guard."""

from litestar import Router

from gateway.administrator import administrators_only
from gateway.composition import Gateway
from gateway.routes.administration.dead_letter import discard, list_dead_letters, read_dead_letter, redrive
from gateway.routes.administration.setting import change_setting, list_every_setting, read_setting, restore_setting


def administration(gateway: Gateway) -> Router:
    """For a router that knows who asks."""
    return Router(
        "/",
        route_handlers=[
            list_every_setting,
            read_setting,
            change_setting,
            restore_setting,
            list_dead_letters,
            read_dead_letter,
            redrive,
            discard,
        ],
        guards=[administrators_only(gateway)],
    )
