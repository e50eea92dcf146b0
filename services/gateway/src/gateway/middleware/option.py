"""OPTIONS tells all methods of an address: Litestar's own answer knows only those of the handler that came first."""

from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Receive, Scope, Send


def all_methods(app: ASGIApp) -> ASGIApp:
    """The layer for a router; who may not use it does not get here."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "OPTIONS":
            await app(scope, receive, send)
            return
        routes = [route for route in scope["litestar_app"].routes if isinstance(route, HTTPRoute)]
        template = scope["path_template"]
        methods = sorted({method for route in routes if route.path_format == template for method in route.methods})
        headers = [(b"allow", ", ".join(methods).encode())]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return handle
