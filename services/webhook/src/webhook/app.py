"""The application: its routes, and how errors are answered. It never redirects: QStash does not follow."""

from litestar import Litestar
from litestar.di import Provide
from litestar.types import ASGIApp

from webhook.composition import Webhook
from webhook.middleware import RequestMiddleware
from webhook.refusal import HANDLERS
from webhook.routes import STEP_BYTES_MAX, job_failed, livez, metrics, process_scraping, readyz, sweep


def create_app(webhook: Webhook) -> ASGIApp:
    """Litestar's part inside the layer that every request passes through."""

    def provide_webhook() -> Webhook:
        return webhook

    app = Litestar(
        route_handlers=[process_scraping, job_failed, sweep, livez, readyz, metrics],
        dependencies={"webhook": Provide(provide_webhook, sync_to_thread=False)},
        exception_handlers=HANDLERS,
        request_max_body_size=STEP_BYTES_MAX,
        openapi_config=None,
        logging_config=None,
    )
    return RequestMiddleware(app, metrics=webhook.metrics, new_id=webhook.resources.clock.new_id)
