"""What staff do in a day, by mouse, finger and keyboard."""

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image
from playwright.sync_api import expect

from integrations.models import OutboxMessage
from listings.models import KillSwitch, Photo, ProductListing
from tests.browser.conftest import Desk
from tests.factories import make_listing

Sit = Callable[..., Desk]


def state(listing: ProductListing) -> str:
    """Return the state as it is now."""
    return str(ProductListing.objects.get(pk=listing.pk).state)


def a_picture() -> Any:
    """Return a file as a chooser hands it over."""
    file = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(file, "JPEG")
    return {"name": "camera.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()}


def test_a_seller_is_messaged_in_three_clicks(desk: Sit) -> None:
    listing = make_listing(title="Sony A6400 with lens")
    ann = desk()
    ann.click(ann.page.locator(".ae-funnel .ae-big").first)
    ann.click(ann.page.get_by_role("link", name="Sony A6400 with lens"))
    ann.click(ann.page.get_by_role("button", name="Message the seller"))
    expect(ann.page.get_by_text("Now Messaging")).to_be_visible()
    assert (state(listing), ann.clicks) == ("MESSAGING", 3)
    ann.picture("listing")


def test_a_card_is_dragged_to_the_next_column(desk: Sit) -> None:
    listing = make_listing("MESSAGING", title="Canon EOS 80D")
    ann = desk()
    ann.go("/staff/board/")
    if ann.width == "phone":
        card = ann.page.locator(f"[data-tab=MESSAGING], .bo-card[data-listing='{listing.pk}']").first
        card.click()
        ann.page.locator(f".bo-card[data-listing='{listing.pk}'] [data-move]").click()
        ann.page.locator("#board-dialog .bo-option[data-to=NEGOTIATING]").click()
    else:
        card = ann.page.locator(f".bo-card[data-listing='{listing.pk}']")
        box, column = card.bounding_box(), ann.page.locator("section[data-state=NEGOTIATING]").bounding_box()
        assert box
        assert column
        ann.page.mouse.move(box["x"] + 40, box["y"] + 20)
        ann.page.mouse.down()
        ann.page.mouse.move(box["x"] + 80, box["y"] + 40, steps=4)
        ann.page.mouse.move(column["x"] + 60, column["y"] + 120, steps=8)
        ann.picture("board-dragging")
        ann.page.mouse.up()
    expect(ann.page.locator("#board-toast")).to_contain_text("Negotiating")
    assert state(listing) == "NEGOTIATING"
    ann.picture("board")


def test_an_illegal_step_is_not_offered_and_says_why(desk: Sit) -> None:
    listing = make_listing("MESSAGING")
    ann = desk()
    ann.go("/staff/board/")
    if ann.width == "phone":
        ann.page.locator("[data-tab=MESSAGING]").click()
    ann.page.locator(f".bo-card[data-listing='{listing.pk}'] [data-move]").click()
    illegal = ann.page.locator("#board-dialog .bo-illegal li", has_text="Sold")
    expect(illegal).to_contain_text("First Negotiating, then Purchased")
    expect(ann.page.locator("#board-dialog .bo-option[data-to=SOLD]")).to_have_count(0)
    ann.picture("board-sheet")
    assert state(listing) == "MESSAGING"


def test_many_are_cancelled_after_a_preview(desk: Sit) -> None:
    going, staying = make_listing(title="Going"), make_listing("SOLD", title="Staying")
    ann = desk()
    ann.go("/staff/listings/productlisting/")
    for box in ann.page.locator("#result_list input.action-select").all():
        box.check()
    ann.page.locator("select[name=action]").select_option("cancel_listings")
    ann.page.get_by_role("button", name=re.compile("run|go", re.IGNORECASE)).first.click()
    expect(ann.page.get_by_text("1 can be cancelled, 1 cannot")).to_be_visible()
    ann.picture("bulk-preview")
    ann.page.get_by_label("Reason").fill("The shop is closed")
    ann.page.get_by_role("button", name="Cancel 1").click()
    expect(ann.page.get_by_role("heading", name="1 of 2 cancelled").first).to_be_visible()
    assert (state(going), state(staying)) == ("CANCELLED", "SOLD")


def test_the_first_photo_receives_the_camera(desk: Sit) -> None:
    listing = make_listing("PURCHASED")
    ann = desk()
    ann.go(f"/staff/listings/productlisting/{listing.pk}/change/")
    ann.page.locator("input[type=file]").set_input_files([a_picture(), a_picture()])
    ann.page.locator("button[name=do][value=add]").click()
    expect(ann.page.locator("img[src*='/photos/']").first).to_be_visible()
    ann.go(f"/staff/listings/productlisting/{listing.pk}/change/")
    ann.picture("listing-with-photos")
    assert (Photo.objects.count(), state(listing)) == (2, "RECEIVED")


def test_a_failed_call_is_retried_from_the_home_page(desk: Sit) -> None:
    listing = make_listing("MESSAGING")
    now = timezone.now()
    call = OutboxMessage.objects.filter(topic="chatterbot.send_lead")
    call.update(attempts=10, given_up_at=now, last_error="Chatterbot answered 503.")
    ProductListing.objects.filter(pk=listing.pk).update(error_message="Not messaged", error_occurred_at=now)
    ann = desk()
    ann.picture("now")
    ann.click(ann.page.get_by_role("button", name="Retry"))
    expect(ann.page.get_by_text("To be tried again at once")).to_be_visible()
    assert call.get().given_up_at is None
    assert ann.clicks == 1


def test_outreach_is_stopped_and_resumed(desk: Sit) -> None:
    make_listing()
    ann = desk()
    ann.page.get_by_text("Stop all…").click()
    ann.page.get_by_label("Why is outreach stopped?").fill("Two greetings to one seller")
    ann.page.get_by_role("button", name="Stop all").click()
    expect(ann.page.get_by_text("Two greetings to one seller").first).to_be_visible()
    assert KillSwitch.objects.get().lifted_at is None
    ann.page.get_by_role("button", name="Resume").click()
    expect(ann.page.get_by_text("Outreach goes on")).to_be_visible()
    assert KillSwitch.objects.get().lifted_at is not None


def test_what_is_being_typed_stays_while_the_page_refreshes(desk: Sit) -> None:
    listing = make_listing("NEGOTIATING")
    ann = desk()
    ann.page.get_by_text("Stop all…").click()
    reason = ann.page.get_by_label("Why is outreach stopped?")
    reason.fill("half a senten")
    soon = timezone.now() + timedelta(hours=3)
    ProductListing.objects.filter(pk=listing.pk).update(deadline_at=soon)
    ann.page.evaluate(
        "htmx.ajax('GET', document.getElementById('now').getAttribute('hx-get'), {source: '#now', swap: 'none'})"
    )
    expect(ann.page.get_by_role("button", name="Snooze 2 days")).to_be_visible()
    expect(ann.page.get_by_role("heading", name="1 thing needs you")).to_be_visible()
    expect(reason).to_have_value("half a senten")
    expect(reason).to_be_focused()


def test_a_viewer_looks_and_cannot_act(desk: Sit) -> None:
    listing = make_listing("NEGOTIATING")
    soon = timezone.now() + timedelta(hours=3)
    ProductListing.objects.filter(pk=listing.pk).update(deadline_at=soon)
    vic = desk("Viewers", name="vic")
    expect(vic.page.get_by_text("You can look. Operators can act.").first).to_be_visible()
    expect(vic.page.get_by_role("button", name="Snooze 2 days")).to_have_count(0)
    vic.go(f"/staff/listings/productlisting/{listing.pk}/change/")
    expect(vic.page.get_by_text("You can look. Operators can act.").first).to_be_visible()
    vic.go("/staff/board/")
    expect(vic.page.locator("[data-move]")).to_have_count(0)


@pytest.mark.parametrize("width", ["wide"])  # a phone has no keys
def test_keys_move_through_what_needs_me(desk: Sit, width: str) -> None:
    for _ in range(2):
        listing = make_listing("NEGOTIATING")
        soon = timezone.now() + timedelta(hours=3)
        ProductListing.objects.filter(pk=listing.pk).update(deadline_at=soon)
    ann = desk()
    ann.page.keyboard.press("j")
    ann.page.keyboard.press("j")
    expect(ann.page.locator(".ae-row").nth(1)).to_be_focused()
    ann.page.keyboard.press("Enter")
    expect(ann.page.get_by_text("Snoozed until")).to_be_visible()
    ann.page.keyboard.press("/")
    expect(ann.page.locator("[data-search]")).to_be_focused()
