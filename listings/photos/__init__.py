"""Photos of the cameras: taken in by content, kept under random names, shown to staff and by signed addresses.

Callers use what is named here:
    add, remove, arrange: the only code that writes Photo rows;
    signed_url, staff_url: where a photo can be seen;
    Upload: what `add` takes; NotBought, Unusable, TooLarge, NotKept, NotItsPhotos: what may go wrong.
"""

from listings.photos.addresses import signed_url, staff_url
from listings.photos.album import NotBought, NotItsPhotos, Upload, add, arrange, remove
from listings.photos.files import NotKept
from listings.photos.picture import MAX_BYTES, TooLarge, Unusable

__all__ = [
    "MAX_BYTES",
    "NotBought",
    "NotItsPhotos",
    "NotKept",
    "TooLarge",
    "Unusable",
    "Upload",
    "add",
    "arrange",
    "remove",
    "signed_url",
    "staff_url",
]
