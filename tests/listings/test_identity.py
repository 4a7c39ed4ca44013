"""Which URL is which item: a table of shapes, and what must hold for any text."""

import re
import string
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listings import identity
from listings.identity import MAX_LENGTH, BadUrl, identify
from tests.hostile.effort import effort

CANONICAL = "https://www.facebook.com/marketplace/item/123456/"

SAME_ITEM = [
    CANONICAL,
    "https://www.facebook.com/marketplace/item/123456",
    "http://www.facebook.com/marketplace/item/123456/",
    "https://facebook.com/marketplace/item/123456/",
    "https://m.facebook.com/marketplace/item/123456/",
    "https://web.facebook.com/marketplace/item/123456/",
    "https://mbasic.facebook.com/marketplace/item/123456/",
    "https://en-gb.facebook.com/marketplace/item/123456/",
    "HTTPS://WWW.FACEBOOK.COM/marketplace/item/123456/",
    "https://www.facebook.com./marketplace/item/123456/",
    "https://www.facebook.com:443/marketplace/item/123456/",
    "https://www.facebook.com//marketplace//item//123456//",
    "https://www.facebook.com/Marketplace/Item/123456",
    "https://www.facebook.com/marketplace/edinburgh/item/123456/",
    "https://www.facebook.com/marketplace/item/123456/?ref=search&tracking=browse_serp%3Aabc",
    "https://www.facebook.com/marketplace/item/123456/?__tn__=!%3AD#photos",
    "https://www.facebook.com/marketplace/item/123456#",
    "https://www.facebook.com/marketplace/item/123456/photos/?x=1",
    "https://www.facebook.com/marketplace/item/%31%32%33456/",
    "https://www.facebook.com/%6darketplace/item/123456",
    "  https://www.facebook.com/marketplace/item/123456/\n",
    "https://user:secret@www.facebook.com/marketplace/item/123456/",
]


@pytest.mark.parametrize("url", SAME_ITEM)
def test_every_link_to_an_item_of_facebook_is_that_item(url: str) -> None:
    item = identify(url)
    assert (item.identity, item.url) == ("facebook:123456", CANONICAL)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.facebook.com/marketplace/item/1234567/",
        "https://www.facebook.com/marketplace/item/0123456/",
        "https://www.facebook.com/marketplace/item/123456x/",
        "https://www.facebook.com/marketplace/item/x123456/",
        "https://www.facebook.com/marketplace/item/",
        "https://www.facebook.com/marketplace/item/?id=123456",
        "https://www.facebook.com/share/123456/",
        "https://www.facebook.com/?u=/marketplace/item/123456/",
        "https://www.facebook.com/marketplace/a/b/item/123456/",
        "https://notfacebook.com/marketplace/item/123456/",
        "https://facebook.com.example.org/marketplace/item/123456/",
        "https://www.facebook.org/marketplace/item/123456/",
        "https://facebook.com@example.org/marketplace/item/123456/",
        "https://www.facebook.com/marketplace/item/١٢٣٤٥٦/",
        "https://www.facebook.com/marketplace/item/" + "1" * 26,
    ],
)
def test_what_only_looks_like_it_is_another_item(url: str) -> None:
    assert identify(url).identity != "facebook:123456"


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("http://www.gumtree.com/p/cameras/sony/1?utm_source=x", "https://gumtree.com/p/cameras/sony/1"),
        ("https://m.gumtree.com/p/cameras/sony/1/", "https://gumtree.com/p/cameras/sony/1"),
        ("https://GUMTREE.com:443//p/./cameras/x/../sony/1#top", "https://gumtree.com/p/cameras/sony/1"),
        ("http://gumtree.com:80/p/cameras/sony/1", "https://gumtree.com/p/cameras/sony/1"),
        ("https://shop.example:8443/a", "https://shop.example:8443/a"),
        ("https://shop.example/?b=2&a=1", "https://shop.example/?a=1&b=2"),
        ("https://shop.example/item?id=1&fbclid=x&gclid=y&ref=z", "https://shop.example/item?id=1"),
        ("https://shop.example/%7Euser/%e2%82%ac", "https://shop.example/~user/%E2%82%AC"),
        ("https://shop.example/Item", "https://shop.example/Item"),
        ("https://bücher.example/x", "https://xn--bcher-kva.example/x"),
        ("https://shop.example/a/%2e%2E/b/%2e/c", "https://shop.example/b/c"),
        ("https://www.com/x", "https://www.com/x"),
        ("https://m.de/x", "https://m.de/x"),
        ("https://8.8.8.8/x", "https://8.8.8.8/x"),
        ("https://[2606:4700::1111]:8443/x", "https://[2606:4700::1111]:8443/x"),
    ],
)
def test_any_other_link_is_known_by_its_canonical_url(url: str, canonical: str) -> None:
    item = identify(url)
    assert item.url == canonical
    assert item.identity.startswith("url:")
    assert item.identity == identify(canonical).identity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://shop.example/item?id=1", "https://shop.example/item?id=2"),
        ("https://shop.example/item/a", "https://shop.example/item/A"),
        ("https://shop.example/a%2Fb", "https://shop.example/a/b"),
        ("https://shop.example/a%3Fb=1", "https://shop.example/a?b=1"),
        ("https://shop.example/?a=1&a=2", "https://shop.example/?a=1"),
        ("https://shop.example/?a", "https://shop.example/"),
        ("https://shop.example:8443/a", "https://shop.example/a"),
        ("https://a.shop.example/a", "https://b.shop.example/a"),
    ],
)
def test_different_links_stay_different(one: str, other: str) -> None:
    assert identify(one).identity != identify(other).identity


# ---- whatever comes -----------------------------------------------------------------------------

names = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
hosts = st.builds("{}.{}".format, names, st.sampled_from(["com", "co.uk", "example"]))
pieces = [*"/%.:;?#&=+ab12\\@é~[]\u00a0\u2028\U0001f4f7", "%2e", "%2F", "%25", "%ff", "%c3%a9", "..", "//"]
awkward = st.lists(st.sampled_from(pieces), max_size=30).map("".join)
pairs = st.lists(st.tuples(names, awkward), max_size=4)
tracking = st.lists(
    st.sampled_from(["utm_source=1", "fbclid=x", "ref=search", "tracking=a%3Ab", "__tn__=%21", "gclid="]),
    max_size=4,
)


@effort(100)
@given(st.text(max_size=300) | st.builds("https://{}".format, st.text(max_size=100)))
def test_no_text_crashes_it(text: str) -> None:
    try:
        item = identify(text)
    except BadUrl:
        return
    assert item.url.startswith("https://")
    assert item.url.isascii()
    assert len(item.url) <= MAX_LENGTH
    assert len(item.identity) <= 80


@effort(100)
@given(hosts, awkward, awkward)
def test_a_canonical_url_is_its_own_canonical_url(host: str, path: str, query: str) -> None:
    try:
        item = identify(f"http://www.{host}/{path}?{query}")
    except BadUrl:
        return
    assert identify(item.url) == item


@effort(100)
@given(hosts, st.lists(names, max_size=4), st.lists(st.tuples(names, names), max_size=3), tracking, st.data())
def test_tracking_never_matters(
    host: str, path: list[str], query: list[tuple[str, str]], noise: list[str], data: st.DataObject
) -> None:
    wanted = [f"q{name}={value}" for name, value in query]
    plain = f"https://{host}/{'/'.join(path)}"
    mixed = data.draw(st.permutations(wanted + noise))
    clean = identify(f"{plain}?{'&'.join(wanted)}")
    assert identify(f"http://www.{host}/{'/'.join(path)}/?{'&'.join(mixed)}#{host}") == clean


@effort(100)
@given(st.integers(1, 10**24), awkward, awkward, st.sampled_from(["www.", "m.", "web.", ""]))
def test_an_item_of_facebook_is_its_number(number: int, query: str, fragment: str, variant: str) -> None:
    url = f"https://{variant}facebook.com/marketplace/item/{number}/?{query}#{fragment}"
    try:
        item = identify(url)
    except BadUrl:
        assert any(char.isspace() for char in query + fragment) or len(url) > MAX_LENGTH
        return
    assert item.identity == f"facebook:{number}"


slow_or_quick = st.builds(
    "{}://{}facebook.com{}{}{}".format,
    st.sampled_from(["https", "http", "HTTPS", "ftp"]),
    st.sampled_from(["", "www.", "m.", "web.", "de-de.", "a.b.", "WWW.", "evil", "user@www.", "-."]),
    st.sampled_from(["", ":443", "."]),
    st.sampled_from(["/marketplace/item/", "/marketplace/x/item/", "//marketplace/item/", "/item/"]),
    st.text(st.sampled_from([*'0123456789/?#&=%;:@![]\\"<>^`{|} .\tab\u00a0é']), max_size=30),
)


@effort(100)
@given(slow_or_quick)
def test_the_quick_look_and_the_long_one_agree(url: str) -> None:
    def seen() -> object:
        try:
            return identify(url)
        except BadUrl as error:
            return str(error)

    quick = seen()
    with patch.object(identity, "_PLAIN", re.compile("(?!)")):
        assert seen() == quick
