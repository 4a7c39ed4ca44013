"""`/admin/listings/{id}/photos`: seen by staff, added, removed and put in order by those who may."""

import uuid
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.core.exceptions import TooManyFieldsSent, TooManyFilesSent
from django.utils import timezone
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.exceptions import APIException, NotFound
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from integrations.rest import Conflict, StrictJSONParser, Unprocessable
from integrations.rest import TooLarge as BodyTooLarge
from listings import photos
from listings.models import Photo, ProductListing

MAX_FILES = 24
REFUSED = {
    409: OpenApiResponse(description="The camera is not bought yet, or will not be."),
    413: OpenApiResponse(description="A file over 20 MiB. Nothing was kept."),
    415: OpenApiResponse(description="Not multipart/form-data."),
    422: OpenApiResponse(
        description="Not JPEG, PNG, WebP or HEIC, damaged, or too many pixels. Nothing was kept."
    ),
    503: OpenApiResponse(description="The store of photos is full or away. Nothing was kept."),
}


class Away(APIException):
    """503."""

    status_code = 503


class PhotoSerializer(serializers.ModelSerializer[Photo]):
    """A photo, with addresses that anybody may open for a day."""

    url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()

    class Meta:
        model = Photo
        fields = ("id", "url", "thumbnail_url", "width", "height", "size", "position", "created_at")
        read_only_fields = fields

    def get_url(self, photo: Photo) -> str:
        """Address the photo."""
        return photos.signed_url(photo, until=a_day())

    def get_thumbnail_url(self, photo: Photo) -> str:
        """Address its thumbnail."""
        return photos.signed_url(photo, until=a_day(), thumbnail=True)


class PhotosSerializer(serializers.Serializer[Any]):
    """Photos in their order; the first is the cover."""

    photos = PhotoSerializer(many=True)


class UploadSerializer(serializers.Serializer[Any]):
    """Files as `multipart/form-data`."""

    photos = serializers.ListField(child=serializers.FileField(), min_length=1, max_length=MAX_FILES)


class OrderSerializer(serializers.Serializer[Any]):
    """The photos that come first, in their order; those not named keep theirs behind them."""

    photos = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=1000)


class PhotoViewSet(viewsets.GenericViewSet[Photo]):
    """The photos of one listing, cover first."""

    queryset = Photo.objects.all()
    serializer_class = PhotosSerializer
    read_permission = "listings.view_productlisting"
    change_permissions = {
        "create": "listings.add_photo",
        "destroy": "listings.delete_photo",
        "arrange": "listings.arrange_photo",
    }
    pagination_class = None

    def get_parsers(self) -> list[BaseParser]:
        """Take JSON where an order is put, files elsewhere."""
        put = self.request is not None and self.request.method == "PUT"
        return [StrictJSONParser() if put else MultiPartParser()]

    def handle_exception(self, exc: Exception) -> Response:
        """Answer what goes wrong while the files are read, too."""
        if isinstance(exc, TooManyFilesSent | TooManyFieldsSent):
            exc = Unprocessable({"photos": [f"At most {MAX_FILES} photos in one call. Nothing was kept."]})
        elif isinstance(exc, OSError):  # no room for the upload itself
            self._forget_upload()
            exc = Away(str(photos.NotKept()))
        return super().handle_exception(exc)

    def _forget_upload(self) -> None:
        """Delete what has come in of a file that broke off: Django leaves that to the garbage collector."""
        for handler in self.request.upload_handlers:
            with suppress(OSError):  # what it still holds finds no room either
                if file := getattr(handler, "file", None):
                    file.close()

    @extend_schema(
        operation_id="admin_listings_photos_list",
        responses={200: forced_singular_serializer(PhotosSerializer)},
    )
    def list(self, request: Request, pk: uuid.UUID) -> Response:
        """Show a listing's photos."""
        return _answer(list(_listing(pk).photos.all()))

    @extend_schema(
        request={"multipart/form-data": UploadSerializer}, responses={201: PhotosSerializer, **REFUSED}
    )
    def create(self, request: Request, pk: uuid.UUID) -> Response:
        """Add photos, all or none. The first one takes PURCHASED to RECEIVED."""
        _listing(pk)
        files = request.FILES.getlist("photos")
        if not 1 <= len(files) <= MAX_FILES:
            raise Unprocessable({"photos": [f"Send 1 to {MAX_FILES} files in the field photos."]})
        uploads = [photos.Upload(file.file, file.size) for file in files]
        try:
            added = photos.add(pk, uploads, by=_by(request))
        except photos.NotBought as error:
            raise Conflict(str(error)) from error
        except photos.TooLarge as error:
            raise BodyTooLarge(f"{error} Nothing was kept.") from error
        except photos.Unusable as error:
            raise Unprocessable({"photos": [f"{error} Nothing was kept."]}) from error
        except photos.NotKept as error:
            raise Away(str(error)) from error
        return _answer(added, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: uuid.UUID, photo_id: uuid.UUID) -> Response:
        """Remove a photo."""
        try:
            photos.remove(_listing(pk).photos.only("pk").get(pk=photo_id).pk, by=_by(request))
        except Photo.DoesNotExist as error:
            raise NotFound("There is no such photo.") from error
        return Response(status=204)

    @extend_schema(request=OrderSerializer, responses={200: PhotosSerializer, 422: REFUSED[422]})
    def arrange(self, request: Request, pk: uuid.UUID) -> Response:
        """Put photos in order; the first is the cover."""
        listing = _listing(pk)
        asked = OrderSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            photos.arrange(pk, asked.validated_data["photos"], by=_by(request))
        except photos.NotItsPhotos as error:
            raise Unprocessable({"photos": [str(error)]}) from error
        return _answer(list(listing.photos.all()))


def _listing(pk: uuid.UUID) -> ProductListing:
    listing = ProductListing.objects.only("pk").filter(pk=pk).first()
    if listing is None:
        raise NotFound("There is no such listing.")
    return listing


def _answer(rows: list[Photo], status: int = 200) -> Response:
    return Response({"photos": PhotoSerializer(rows, many=True).data}, status=status)


def _by(request: Request) -> str:
    return f"user:{request.user.get_username()}"


def a_day() -> Any:
    """Return a time at least a day ahead, the same for an hour, so that a browser may keep what it has seen."""
    return timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=25)
