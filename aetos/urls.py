"""Every route of the product. Each answers with and without a trailing slash, never by a redirect."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpResponseBase
from django.urls import URLPattern, path
from drf_spectacular.views import SpectacularJSONAPIView

from aetos import cockpit, health, pages, theme, twofactor_page
from aetos.figures import views as figures
from aetos.metrics import MetricsView
from listings.admin import board
from listings.api.ledger import LedgerViewSet
from listings.api.offers import OfferViewSet
from listings.api.photos import PhotoViewSet
from listings.api.views import ListingViewSet
from listings.callbacks import ChatterbotWebhook
from listings.photos import serving
from listings.sales import EbayWebhook
from listings.telegram_taps import TelegramWebhook
from scraping.api import ScrapeViewSet
from scraping.webhooks import JobComplete


def both(route: str, view: Callable[..., HttpResponseBase], name: str) -> list[URLPattern]:
    """Serve a path in both spellings."""
    return [path(route, view, name=name), path(f"{route}/", view, name=f"{name}-slash")]


def listings(**actions: str) -> Any:
    """Serve methods by actions of the listings' API."""
    return ListingViewSet.as_view({**actions})


def books(**actions: str) -> Any:
    """Serve methods by actions of a listing's ledger."""
    return LedgerViewSet.as_view({**actions})


def offers(**actions: str) -> Any:
    """Serve methods by actions of a listing's offer on eBay."""
    return OfferViewSet.as_view({**actions})


def photos(**actions: str) -> Any:
    """Serve methods by actions of the photos' API."""
    return PhotoViewSet.as_view({**actions})


def scrapes(**actions: str) -> Any:
    """Serve methods by actions of the scrapes' API."""
    return ScrapeViewSet.as_view({**actions})


def chatterbot(kind: str) -> Any:
    """Serve one kind of callback."""
    return ChatterbotWebhook.as_view(kind=kind)


urlpatterns = [
    # people
    path("", pages.to_staff, name="root"),
    path("admin/", pages.to_staff, name="admin-root-slash"),
    path("admin", pages.to_staff, name="admin-root"),
    path("staff", pages.to_staff, name="staff"),
    *both("staff/now", admin.site.admin_view(cockpit.now), "now"),
    *both("staff/board", admin.site.admin_view(board.board), "board"),
    *both("staff/board/column/<str:state>", admin.site.admin_view(board.column), "board-column"),
    *both("staff/board/<uuid:pk>", admin.site.admin_view(board.sheet), "board-sheet"),
    *both("staff/board/<uuid:pk>/<str:to>", admin.site.admin_view(board.move), "board-move"),
    *both("staff/figures", admin.site.admin_view(figures.page), "figures"),
    *both("staff/figures/put-right", admin.site.admin_view(figures.put_right), "figures-putright"),
    *both("staff/figures/<slug:key>.<slug:kind>", admin.site.admin_view(figures.table_file), "figures-file"),
    *both("staff/second-step", twofactor_page.second_step, "second-step"),
    path("staff/", admin.site.urls),
    *both("theme.css", theme.colours, "colours"),
    # the partners
    *both("webhooks/scraper/job-complete", JobComplete.as_view(), "scraper-job-complete"),
    *both("webhooks/chatterbot/message-sent", chatterbot("message-sent"), "chatterbot-message-sent"),
    *both("webhooks/chatterbot/seller-replied", chatterbot("seller-replied"), "chatterbot-seller-replied"),
    *both("webhooks/chatterbot/deal-confirmed", chatterbot("deal-confirmed"), "chatterbot-deal-confirmed"),
    *both("webhooks/chatterbot/deal-failed", chatterbot("deal-failed"), "chatterbot-deal-failed"),
    *both("webhooks/ebay/item-sold", EbayWebhook.as_view(), "ebay-item-sold"),
    *both("webhooks/telegram", TelegramWebhook.as_view(), "telegram"),
    # the admin API
    *both("admin/listings", listings(get="list"), "listings"),
    *both("admin/listings/<uuid:pk>", listings(get="retrieve"), "listing"),
    *both("admin/listings/<uuid:pk>/history", listings(get="history"), "listing-history"),
    *both("admin/listings/<uuid:pk>/transition", listings(post="transition"), "listing-transition"),
    *both("admin/listings/<uuid:pk>/retry", listings(post="retry"), "listing-retry"),
    *both("admin/listings/<uuid:pk>/ebay", offers(get="show", patch="edit", delete="end"), "listing-ebay"),
    *both("admin/listings/<uuid:pk>/ledger", books(get="show", post="book"), "listing-ledger"),
    *both(
        "admin/listings/<uuid:pk>/ledger/<int:line>/correct", books(post="correct"), "listing-ledger-correct"
    ),
    *both("admin/listings/<uuid:pk>/refund", books(post="refund"), "listing-refund"),
    *both("admin/listings/<uuid:pk>/photos", photos(get="list", post="create"), "listing-photos"),
    *both("admin/listings/<uuid:pk>/photos/order", photos(put="arrange"), "listing-photos-order"),
    *both("admin/listings/<uuid:pk>/photos/<uuid:photo_id>", photos(delete="destroy"), "listing-photo"),
    *both("admin/scrape/trigger", scrapes(post="trigger"), "scrape-trigger"),
    *both("admin/scrape/jobs", scrapes(get="list"), "scrape-jobs"),
    *both("admin/scrape/jobs/<uuid:pk>", scrapes(get="retrieve"), "scrape-job"),
    # what partners and staff look at
    *both("photos/<uuid:pk>", serving.photo, "photo"),
    *both("photos/<uuid:pk>/thumbnail", serving.thumbnail, "photo-thumbnail"),
    # what it says of itself
    *both("openapi.json", SpectacularJSONAPIView.as_view(), "openapi"),
    *both("docs", pages.SwaggerPage.as_view(), "docs"),
    *both("redoc", pages.RedocPage.as_view(), "redoc"),
    *both("health", health.health, "health"),
    *both("health/live", health.live, "health-live"),
    *both("metrics", MetricsView.as_view(), "metrics"),
]

handler400 = pages.bad_request
handler403 = pages.forbidden
handler404 = pages.not_found
handler500 = pages.broken
