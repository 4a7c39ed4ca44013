"""`make screenshots`: the six pictures of the README, of a product that `make run` has brought up.

Takes the product's address, a name and a password; writes docs/screenshots/.
"""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.needs import chromium

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "screenshots"
WIDE, PHONE = (1440, 900), (390, 844)
LISTED = "/staff/listings/productlisting/?state=LISTED"
PICTURES = (
    ("now", "/staff/", WIDE, "light"),
    ("board", "/staff/board/", WIDE, "light"),
    ("listing", LISTED, WIDE, "dark"),
    ("outreach", "/staff/listings/approval/", WIDE, "light"),
    ("figures", "/staff/figures/?period=all", WIDE, "light"),
    ("now-phone", "/staff/", PHONE, "light"),
)


def main(address: str, name: str, password: str) -> int:
    """Take the pictures; return the exit status."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for file, path, (width, height), scheme in PICTURES:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            page = context.new_page()
            sign_in(page, address, name, password)
            page.goto(address + path)
            if path == LISTED:
                page.locator("#result_list a.ae-item").first.click()
            page.wait_for_load_state("networkidle")
            page.screenshot(path=FOLDER / f"{file}.png")
            context.close()
            sys.stdout.write(f"docs/screenshots/{file}.png\n")
        browser.close()
    return 0


def sign_in(page: Page, address: str, name: str, password: str) -> None:
    """Fill in the form at the door."""
    page.goto(f"{address}/staff/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.locator("[type=submit]").click()
    page.wait_for_url(f"{address}/staff/")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
