"""Which URL is which item.

A Facebook Marketplace item is its number, whatever host variant, query or
fragment the link came with. Anything else is known by its canonical URL.
"""

import hashlib
import ipaddress
import re
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

MAX_LENGTH = 2048
_FACEBOOK_HOST = re.compile(r"(?:[a-z0-9-]+\.)?facebook\.com")
_FACEBOOK_ITEM = re.compile(r"/+marketplace/+(?:[^/]+/+)?item/+([0-9]{1,25})(?:/.*)?", re.IGNORECASE)
# The link as Facebook writes it: nothing in it can be wrong, and it is nearly every one that comes.
_PLAIN = re.compile(
    r"https?://(?:[a-z0-9-]+\.)?facebook\.com/marketplace/item/([0-9]{1,25})(?:/[!$&-;=@-Z_a-z~]*)?(?:[?#][!-~]*)?"
)
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_HOST_VARIANT = re.compile(r"^(?:(?:www|m|web|mobile)\.)+(?=.+\..+)")
_TRACKING = re.compile(
    r"utm_\w+|fbclid|gclid|mibextid|tracking|ref|referral_\w+|hoisted|__\w+__|__\w+\[[0-9]+\]", re.IGNORECASE
)
# IPv6 that carries an IPv4 address (NAT64, also a network's own; IPv4-compatible), and the site-local of old.
_INDIRECT = [ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "fec0::/10")]
_INNER_NAMES = (".localhost", ".localdomain", ".local", ".internal", ".home.arpa", ".lan", ".intranet")
# Public names that lead to whatever address is written in them, or to this machine: no marketplace is there.
_LEADING_BACK = (".nip.io", ".sslip.io", ".xip.io", ".traefik.me", ".localtest.me", ".lvh.me", ".vcap.me")


class BadUrl(ValueError):
    """The URL cannot be an offer's; the message says why."""


class Item(NamedTuple):
    """An item of a marketplace: the key that makes it one listing, and the URL to open."""

    identity: str
    url: str


def identify(url: str) -> Item:
    """Find the item that a marketplace link leads to.

    Args:
        url: an absolute http or https URL, of at most 2,048 characters.

    Raises:
        BadUrl: too long, of another scheme, unreadable, or leading into a private network.
    """
    if len(url) > MAX_LENGTH:
        raise BadUrl(f"is longer than {MAX_LENGTH} characters")
    if plain := _PLAIN.fullmatch(url):
        return _facebook(plain[1])
    if _UNPRINTABLE.search(url.strip()):
        raise BadUrl("holds blanks or control characters")
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        if "\\" in parts.netloc:  # a browser takes it for a slash: another host than the one read here
            raise ValueError
    except ValueError:
        raise BadUrl("is not a URL") from None
    if parts.scheme not in ("http", "https"):
        raise BadUrl("is not http or https")
    host = _host(parts.hostname or "")
    if _FACEBOOK_HOST.fullmatch(host) and (item := _FACEBOOK_ITEM.fullmatch(unquote(parts.path))):
        return _facebook(item[1])
    canonical = _canonical(host, port, parts.path, parts.query)
    return Item(f"url:{hashlib.sha256(canonical.encode()).hexdigest()}", canonical)


def _facebook(number: str) -> Item:
    return Item(f"facebook:{number}", f"https://www.facebook.com/marketplace/item/{number}/")


def _host(host: str) -> str:
    """Return the host in lower case ASCII.

    Raises:
        BadUrl: there is none, or it names this machine or a private network.
    """
    host = host.rstrip(".")
    try:
        host = host.encode("idna").decode().lower() if not host.isascii() else host.lower()
    except UnicodeError:
        raise BadUrl("has an impossible host") from None
    # A host with a number for its last label is an address in one of the many spellings that inet_aton takes.
    if ":" in host or re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)", host.rpartition(".")[2]):
        if not _is_public(host):
            raise BadUrl("leads into a private network")
    elif "." not in host or f".{host}".endswith(_INNER_NAMES + _LEADING_BACK):
        raise BadUrl("has no public host")
    elif not re.fullmatch(r"[a-z0-9._-]+", host):
        raise BadUrl("has an impossible host")
    return host


def _is_public(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False  # "127.1", "0x7f000001", "2130706433": no marketplace is written so
    if address.version == 6 and (address.sixtofour or any(address in net for net in _INDIRECT)):
        return False
    return address.is_global and not address.is_multicast


def _canonical(host: str, port: int | None, path: str, query: str) -> str:
    """Build the one spelling: https, no variant of the host, no default port, no tracking, sorted query."""
    host = _HOST_VARIANT.sub("", host)
    netloc = f"[{host}]" if ":" in host else host
    if port not in (None, 80, 443):
        netloc += f":{port}"
    segments: list[str] = []
    for segment in re.sub("/+", "/", path).split("/"):
        plain = unquote(segment, errors="replace")
        if plain == "..":
            segments[1:] = segments[1:-1]
        elif plain != ".":
            segments.append(quote(plain, safe=":@!$&'()*+,;=~-._"))  # an escaped slash stays one
    clean = "/".join(segments).rstrip("/")
    kept = sorted((k, v) for k, v in parse_qsl(query, keep_blank_values=True) if not _TRACKING.fullmatch(k))
    canonical = f"https://{netloc}{clean or '/'}" + (f"?{urlencode(kept)}" if kept else "")
    if len(canonical) > MAX_LENGTH:
        raise BadUrl(f"is longer than {MAX_LENGTH} characters")
    return canonical
