"""The application: routes, who may use them, and how errors are answered.

The rule: everything stands behind authentication but the routes on the public router, and nothing is cached.
"""

from typing import Any

from litestar import Litestar, Request, Router
from litestar.di import NamedDependency, Provide
from litestar.types import ASGIApp

from common.domain.setting import SystemSettings
from gateway.auth.middleware import authentication
from gateway.auth.principal import Principal
from gateway.composition import Gateway
from gateway.failure import HANDLERS
from gateway.limit import RequestLimit
from gateway.middleware.cors import CorsMiddleware
from gateway.middleware.media_type import json_only
from gateway.middleware.option import all_methods
from gateway.middleware.request import RequestMiddleware
from gateway.routes.account import delete_own_account
from gateway.routes.administration import administration
from gateway.routes.call import list_own_calls
from gateway.routes.campaign import (
    change_own_campaign,
    create_campaign,
    delete_own_campaign,
    list_own_campaigns,
    read_own_campaign,
)
from gateway.routes.campaign_creator import list_own_campaign_creators
from gateway.routes.contract import read_contract
from gateway.routes.docs import read_asset, read_docs
from gateway.routes.event import watch_own_job
from gateway.routes.export import export_own_campaign, export_own_job
from gateway.routes.funnel import read_own_funnel
from gateway.routes.health import livez, metrics, readyz
from gateway.routes.job import (
    cancel_own_job,
    create_own_job,
    delete_own_job,
    extend_own_job,
    list_own_jobs,
    read_own_job,
    retry_own_job,
)
from gateway.routes.me import read_me
from gateway.routes.result import list_own_results
from gateway.routes.scraping import create_scraping_job, poll_scraping_job
from gateway.routes.usage import read_own_usage

BODY_BYTES_MAX = 64 * 1024


def create_app(gateway: Gateway) -> ASGIApp:
    """Litestar's part inside the layers that every request passes through."""
    app: ASGIApp = create_routes(gateway)
    app = CorsMiddleware(app, origins=gateway.origins)
    return RequestMiddleware(app, metrics=gateway.metrics, new_id=gateway.resources.clock.new_id)


def create_routes(gateway: Gateway) -> Litestar:
    def settings() -> SystemSettings:
        return gateway.resources.settings.latest()

    limit = RequestLimit(settings)
    public = Router(
        "/",
        route_handlers=[livez, readyz, metrics, read_contract, read_docs, read_asset],
        middleware=[all_methods],
    )
    private = Router(
        "/",
        route_handlers=[
            create_campaign,
            list_own_campaigns,
            read_own_campaign,
            change_own_campaign,
            delete_own_campaign,
            create_scraping_job,
            poll_scraping_job,
            create_own_job,
            list_own_jobs,
            read_own_job,
            delete_own_job,
            list_own_results,
            read_own_funnel,
            list_own_calls,
            read_own_usage,
            watch_own_job,
            cancel_own_job,
            retry_own_job,
            extend_own_job,
            export_own_job,
            export_own_campaign,
            list_own_campaign_creators,
            read_me,
            delete_own_account,
            administration(gateway),
        ],
        middleware=[
            authentication(keys=gateway.keys, policy=gateway.policy, metrics=gateway.metrics, admit=limit.admit),
            json_only,
            all_methods,
        ],
        dependencies={"principal": Provide(_principal_of, sync_to_thread=False)},
    )

    def provide_gateway() -> Gateway:
        return gateway

    return Litestar(
        route_handlers=[public, private],
        dependencies={"gateway": Provide(provide_gateway, use_cache=True, sync_to_thread=False)},
        exception_handlers=HANDLERS,
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=None,
        logging_config=None,
    )


def _principal_of(request: Request[Any, Any, Any], gateway: NamedDependency[Gateway]) -> Principal:
    # It names the gateway so that the two are provided in turn: side by side Litestar makes a task for each, which
    # takes a tenth of the time of a poll without news.
    del gateway
    principal = request.user
    assert isinstance(principal, Principal)
    return principal
