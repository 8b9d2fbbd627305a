"""What a store's refusal means and what a person changes, in one line. Nothing here repeats a secret."""

from __future__ import annotations

from botocore import exceptions
from botocore.exceptions import ClientError

from cloud_stub.storage.bucket import Bucket

_CLOCK = "this machine's clock is wrong by more than a quarter of an hour: set it (timedatectl), then try again"
_ELSEWHERE = "the bucket is in another region: set AWS_S3_REGION_NAME to "
_CURES = {
    "InvalidAccessKeyId": "the store does not know the key: copy AWS_ACCESS_KEY_ID again",
    "SignatureDoesNotMatch": "the secret is not the key's: copy AWS_SECRET_ACCESS_KEY again",
    "AccessDenied": "the key may not do this here: allow it s3:ListBucket, GetObject, PutObject and DeleteObject",
    "NoSuchBucket": "there is no such bucket: check AWS_STORAGE_BUCKET_NAME and the endpoint, or make the bucket",
    "RequestTimeTooSkewed": _CLOCK,
    "RequestExpired": _CLOCK,
    "SlowDown": "the store is busy: try again in a moment",
    "ServiceUnavailable": "the store is busy: try again in a moment",
    "ExpiredToken": "the key was lent for a time that is over: give a new one",
}
_SAME = {
    "403": "AccessDenied", "Forbidden": "AccessDenied", "AllAccessDisabled": "AccessDenied", "404": "NoSuchBucket",
    "503": "SlowDown", "InvalidAccessKey": "InvalidAccessKeyId", "NotSignedUp": "AccessDenied",
}  # fmt: skip
_REGION = ("301", "307", "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "InvalidRegion",
           "IllegalLocationConstraintException")  # fmt: skip


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def cure_for(bucket: Bucket, error: Exception) -> str:
    """One line: which bucket, what failed, and what to do."""
    return f"{bucket.label}: {_refusal(error) if isinstance(error, ClientError) else _failure(bucket, error)}"


def _refusal(error: ClientError) -> str:
    code = code_of(error)
    if code in _REGION:
        region = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")
        return _ELSEWHERE + str(error.response.get("Error", {}).get("Region") or region or "the one its page shows")
    known = _CURES.get(_SAME.get(code, code))
    return known or f"the store refuses ({code} {_line(error.response.get('Error', {}).get('Message', ''))})"


def _failure(bucket: Bucket, error: Exception) -> str:
    cause = error.__cause__ or error.__context__ if not isinstance(error, exceptions.BotoCoreError) else error
    if isinstance(cause, ClientError):  # what an upload in parts says of its parts
        return _refusal(cause)
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return "there is no key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if isinstance(error, exceptions.SSLError):
        return f"the store's certificate is not believed ({_line(error)}): check AWS_S3_ENDPOINT_URL and the clock"
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        where = "AWS_S3_ENDPOINT_URL" if bucket.endpoint else "AWS_S3_REGION_NAME"
        return f"the store does not answer: check {where} and the network"
    return f"it cannot be used ({_line(error)})"


def _line(said: object) -> str:
    return " ".join(str(said).split())[:200]
