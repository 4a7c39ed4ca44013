"""Decoding a picture with Pillow, whatever is wrong with its file: upright, in sRGB, over white."""

import io
import warnings
from typing import BinaryIO

import pillow_heif
from PIL import ExifTags, Image, ImageCms

from listings.photos.picture import MAX_PIXELS, Unusable
from listings.photos.scans import too_many_scans

MAX_SIDE = 65_500  # of a JPEG
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")

# Pillow looks at the size that a header claims before it decodes; what it would warn of is refused.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
pillow_heif.register_heif_opener(thumbnails=False)


def decoded(file: BinaryIO) -> Image.Image:
    """Return the first frame: upright, in sRGB, over white, without anything else.

    Raises:
        Unusable: not a picture of ours, or too large.
    """
    file.seek(0)
    try:
        opened = Image.open(file, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unusable(_TOO_MANY_PIXELS) from None
    except Exception as error:
        raise Unusable("is not a JPEG, PNG, WebP or HEIC picture") from error
    with opened:
        width, height = opened.size
        if width * height > MAX_PIXELS:
            raise Unusable(_TOO_MANY_PIXELS)
        if max(width, height) > MAX_SIDE:
            raise Unusable(f"is more than {MAX_SIDE} pixels long")
        if opened.format in ("JPEG", "MPO") and too_many_scans(file):
            raise Unusable("is a JPEG built to keep a computer busy")
        try:
            opened.load()
            return _upright(_in_srgb(_over_white(opened), opened.info.get("icc_profile")), opened)
        except Exception as error:
            raise Unusable("is damaged or cut off") from error


_TOO_MANY_PIXELS = f"has more than {MAX_PIXELS // 1_000_000} megapixels"


def _over_white(image: Image.Image) -> Image.Image:
    """Turn any mode into RGB, L or CMYK with 8 bits; what shows through is white."""
    if image.mode.startswith("I") or image.mode == "F":
        # 16 bit: the upper half of each value is what 8 bits can show.
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.has_transparency_data:
        see_through = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(see_through, mask=see_through.getchannel("A"))
        return white
    return image if image.mode in ("RGB", "L", "CMYK") else image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Apply the colour profile; one that cannot be read, or is for another kind of picture, is left out."""
    if profile:
        try:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                image, given, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        image = converted or image
    return image if image.mode == "RGB" else image.convert("RGB")


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(image: Image.Image, opened: Image.Image) -> Image.Image:
    """Turn the picture as its file says, and forget what else the file said."""
    try:
        turn = _TURNS.get(opened.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001  whatever is wrong with the notes, the picture is good
        turn = None
    upright = image.transpose(turn) if turn is not None else image
    upright.info = {}
    return upright
