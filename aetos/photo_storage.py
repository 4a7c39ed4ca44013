"""Where photos are kept if not on this machine: a bucket of an S3-compatible store."""

from typing import Any


def s3_options(
    *, bucket: str, endpoint_url: str, region: str, access_key: str, secret_key: str
) -> dict[str, Any] | None:
    """Return Django's entry for the store, or None without a bucket.

    Without keys, those of the machine's own role are used.
    """
    if not bucket:
        return None
    from botocore.config import Config  # slow to import, and only needed here

    config = Config(
        connect_timeout=5,
        read_timeout=20,
        retries={"total_max_attempts": 3, "mode": "standard"},
        signature_version="s3v4",
        # Stores that are not Amazon's know neither names as hosts nor its newest checksums.
        s3={"addressing_style": "path" if endpoint_url else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "endpoint_url": endpoint_url or None,
            "region_name": region or None,
            "access_key": access_key or None,
            "secret_key": secret_key or None,
            "client_config": config,
            "file_overwrite": True,  # names are random: asking whether one is taken costs a call
            "max_memory_size": 1024 * 1024,  # beyond that a photo waits on the disk
            "object_parameters": {"ContentType": "image/jpeg"},
        },
    }
