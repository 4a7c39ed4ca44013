"""`GET /photos/{id}` and its thumbnail: for staff who may look, and for whoever has a signed address."""

import uuid

from django.http import FileResponse, HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from listings.models import Photo
from listings.photos import addresses, files

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    # The file behind an id never changes. A signed address is as private as a session: no shared cache keeps it.
    "Cache-Control": "private, max-age=86400, immutable",
    "Vary": "Cookie",
}


@csrf_exempt
@require_safe
def photo(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Send a photo; strangers do not learn whether it exists."""
    return _send(request, pk, "image")


@csrf_exempt
@require_safe
def thumbnail(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Send a photo's thumbnail, by the same rules."""
    return _send(request, pk, "thumbnail")


def _send(request: HttpRequest, pk: uuid.UUID, which: str) -> HttpResponseBase:
    try:
        may = _may_look(request)
    except addresses.Expired:
        return JsonResponse({"detail": "This address has expired."}, status=403)
    row = Photo.objects.filter(pk=pk).first() if may else None
    if row is None:
        return _nothing()
    try:
        content = files.opened(str(getattr(row, which)))
    except FileNotFoundError:
        return _nothing()
    except files.NotKept:
        return JsonResponse({"detail": "The store of photos is away."}, status=503)
    name = f"{row.pk.hex}-{which}.jpg"
    return FileResponse(content, content_type="image/jpeg", filename=name, headers=HEADERS)


def _may_look(request: HttpRequest) -> bool:
    user = request.user
    if user.is_active and user.is_staff and user.has_perm("listings.view_productlisting"):
        return True
    asked = request.GET
    return addresses.is_signed(
        request.path.rstrip("/"), until=asked.get("until", ""), signature=asked.get("signature", "")
    )


def _nothing() -> JsonResponse:
    return JsonResponse({"detail": "There is nothing here."}, status=404)
