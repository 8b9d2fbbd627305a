from __future__ import annotations

import subprocess
import sys

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    SSLError,
)

from cloud_stub.errors import SetupError
from cloud_stub.storage.bucket import Bucket, bucket_of
from cloud_stub.storage.s3 import S3Storage
from cloud_stub.storage.s3_cures import cure_for

NAMES = {
    "AWS_STORAGE_BUCKET_NAME": "soundguys-audio",
    "AWS_ACCESS_KEY_ID": "an id",
    "AWS_SECRET_ACCESS_KEY": "a secret",
    "AWS_S3_REGION_NAME": "eu-central-1",
}
SHA = "a" * 64


def test_the_seeds_names_are_a_bucket() -> None:
    bucket = bucket_of(NAMES)
    assert bucket == Bucket("soundguys-audio", "eu-central-1", "an id", "a secret", None, "sounds")
    assert S3Storage(bucket, 60).url(f"{SHA}.wav") == (
        f"https://soundguys-audio.s3.eu-central-1.amazonaws.com/sounds/{SHA}.wav"
    )
    assert bucket_of({"AWS_ACCESS_KEY_ID": "an id"}) is None


def test_a_store_of_another_maker_is_spoken_to_by_its_path() -> None:
    ref = "https://abcd.storage.supabase.co/storage/v1/s3"
    bucket = bucket_of({**NAMES, "AWS_S3_ENDPOINT_URL": ref + "/", "AWS_LOCATION": "/music/"})
    assert bucket is not None
    storage = S3Storage(bucket, 60)
    assert storage.url(f"{SHA}.wav") == f"{ref}/soundguys-audio/music/{SHA}.wav"
    assert storage.link(f"{SHA}.wav", 1).startswith(f"{ref}/soundguys-audio/music/{SHA}.wav?X-Amz-")


@pytest.mark.parametrize(
    ("over", "says"),
    [
        ({"AWS_SECRET_ACCESS_KEY": ""}, "AWS_SECRET_ACCESS_KEY is missing"),
        ({"AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID is missing"),
        ({"AWS_STORAGE_BUCKET_NAME": "s3://soundguys-audio"}, "the bucket's name alone"),
        ({"AWS_STORAGE_BUCKET_NAME": "Sounds of ours"}, "the bucket's name alone"),
        ({"AWS_S3_ENDPOINT_URL": "minio:9000"}, "AWS_S3_ENDPOINT_URL"),
        ({"AWS_S3_ENDPOINT_URL": "http://me:pw@minio:9000"}, "AWS_S3_ENDPOINT_URL"),
    ],
)
def test_a_name_that_cannot_be_used_is_one_line(over: dict[str, str], says: str) -> None:
    with pytest.raises(SetupError, match=says) as error:
        bucket_of(NAMES | over)
    assert "a secret" not in str(error.value)
    assert "pw" not in str(error.value)


def refused(code: str, message: str = "", **headers: str) -> ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPHeaders": headers}}
    return ClientError(answer, "PutObject")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (refused("RequestTimeTooSkewed"), "clock is wrong"),
        (refused("InvalidAccessKeyId"), "AWS_ACCESS_KEY_ID"),
        (refused("SignatureDoesNotMatch"), "AWS_SECRET_ACCESS_KEY"),
        (refused("AccessDenied"), "allow it s3:ListBucket"),
        (refused("403"), "allow it s3:ListBucket"),
        (refused("NoSuchBucket"), "AWS_STORAGE_BUCKET_NAME"),
        (refused("PermanentRedirect", **{"x-amz-bucket-region": "eu-west-3"}), "AWS_S3_REGION_NAME to eu-west-3"),
        (refused("SlowDown"), "try again"),
        (refused("Unheard", "of\nthis"), "Unheard of this"),
        (NoCredentialsError(), "there is no key"),
        (EndpointConnectionError(endpoint_url="http://x"), "does not answer: check AWS_S3_REGION_NAME"),
        (ConnectTimeoutError(endpoint_url="http://x"), "does not answer"),
        (SSLError(endpoint_url="https://x", error="self-signed"), "certificate"),
    ],
)
def test_every_refusal_has_its_cure(error: Exception, says: str) -> None:
    line = cure_for(Bucket("sounds-of-ours"), error)
    assert says in line
    assert line.startswith("s3://sounds-of-ours/sounds: ")
    assert "\n" not in line


def test_a_part_of_a_file_that_is_refused_says_why() -> None:
    """boto3 wraps what a part was refused with."""
    from boto3.exceptions import S3UploadFailedError

    try:
        try:
            raise refused("AccessDenied")
        except ClientError as error:
            raise S3UploadFailedError("Failed to upload …") from error
    except S3UploadFailedError as error:
        assert "allow it" in cure_for(Bucket("sounds-of-ours"), error)


def test_boto3_is_loaded_for_a_bucket_alone() -> None:
    code = (
        "import sys; from pathlib import Path; import cloud_stub.app; from cloud_stub.settings import CloudSettings; "
        "from cloud_stub.services import Services; "
        "Services.build(CloudSettings(Path('x'), Path('x/db'), Path('x/media'), 'secret')); "
        "print('boto3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
