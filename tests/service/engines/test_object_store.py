"""The bytes of uploads in an object store: the whole story of a submission, through all processes of `serve`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from installation import Installation
from servers import ObjectStore

from grader_service.database.models import Upload

from ..conftest import COURSE, RIGHT, zip_of
from ..support.processes import Client


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with ObjectStore() as store:
        yield store


def test_uploads_lie_in_the_store_alone(store: ObjectStore):
    where = {"DEEPGRADE_FILES": f"s3://{store.bucket}/uploads", "DEEPGRADE_INLINE_KB": "0", **store.variables}
    with Installation("sqlite", COURSE, slots=1, variables=where) as service:
        service.make_accounts(["ada"])
        ada = Client(service.address, "ada")
        data = zip_of(RIGHT)
        number = ada.hand_in(data)
        assert ada.report(number)["points"] == 5
        assert ada.get(f"/submissions/{number}/upload.zip")[1] == data
        with service.database.read() as session:
            assert session.scalars(sa.select(Upload.data)).all() == [b""]
        name = hashlib.sha256(data).hexdigest()
        assert store.read(f"uploads/{name[:2]}/{name}") == data
