from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aetos import erasure
from aetos.erasure import records

AFTERWARDS = (
    "Done here. Chatterbot and ScraperV2 have copies of their own: ask there. "
    "A backup that is older brings the data back: run this again after restoring one."
)


class Command(BaseCommand):
    """Remove what is known of a seller; docs/operations/personal-data.md says what that is."""

    help = "Forget a seller, named by a listing, or by an id that Chatterbot told. Look first with --dry-run."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whom, and how."""
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("listing", nargs="?", default="", help="a listing's id or short code")
        whom.add_argument("--seller", default="", help="seller_messenger_id")
        whom.add_argument("--thread", default="", help="conversation_thread_id")
        parser.add_argument("--dry-run", action="store_true", help="tell what would go, and change nothing")
        parser.add_argument(
            "--with-photos", action="store_true", help="the photos are the seller's own: they go too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Find, tell, remove, tell what stays."""
        try:
            seller = erasure.find(
                listing=options["listing"], seller_id=options["seller"], thread_id=options["thread"]
            )
        except erasure.SellerUnknown as error:
            raise CommandError(str(error)) from None
        dry = options["dry_run"]
        for listing in seller.listings:
            self.stdout.write(f"listing {listing.short_code} ({listing.pk}), {listing.state}")
        stays = records.kept(seller)
        counts = erasure.forget(
            seller, dry_run=dry, with_photos=options["with_photos"], told=self._told(options)
        )
        for place, count in sorted(counts.items()):
            self.stdout.write(f"{place}: {count} {'would be' if dry else ''} changed".replace("  ", " "))
        for row in stays:
            self.stdout.write(f"stays, since nobody can change it: {row}")
        self.stdout.write("Nothing was changed." if dry else AFTERWARDS)

    def _told(self, options: dict[str, Any]) -> Any:
        def told(place: str, count: int) -> None:
            if options["verbosity"] > 1:
                self.stdout.write(f"gone through {place.replace('_', ' ')}: {count} so far")

        return told
