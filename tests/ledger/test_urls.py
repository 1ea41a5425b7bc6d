"""No password is ever shown."""

from __future__ import annotations

import pytest

from optcell_search import results
from optcell_search.ledger.storage.passwords import without_password
from optcell_search.ledger.storage.storage import LedgerStorage

SECRET = "s3cr@t!"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"postgresql://me:{SECRET}@host:5/db#run", "postgresql://me:***@host:5/db#run"),
        (f"mysql+pymysql://:{SECRET}@host/db", "mysql+pymysql://:***@host/db"),
        (f"redis://host/0?password={SECRET}&x=1", "redis://host/0?password=***&x=1"),
        (f"postgresql://h/db?sslPassword={SECRET}#r", "postgresql://h/db?sslPassword=***#r"),
        (f"s3://key:{SECRET}@bucket/a@b", "s3://key:***@bucket/a@b"),
        ("s3://key:wJ/al+r/XU=@bucket/runs", "s3://key:***@bucket/runs"),
        ("s3://bucket/x?secret_key=a/b%2F&region=eu", "s3://bucket/x?secret_key=***&region=eu"),
        ("az://c/x?sv=1&sig=abc%3D", "az://c/x?sv=1&sig=***"),
        (f"cannot open 's3://k:{SECRET}@b/x': 403", "cannot open 's3://k:***@b/x': 403"),
        ("http://host:8080/a@b/c", "http://host:8080/a@b/c"),
        ("s3://bucket/a:b@c", "s3://bucket/a:b@c"),
        ("two: s3://a:b@c/d and s3://e:f@g", "two: s3://a:***@c/d and s3://e:***@g"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("runs/a:b@c?token=d", "runs/a:b@c?token=d"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, says: str) -> None:
    assert without_password(url) == says


@pytest.mark.parametrize("open_it", [results.load, LedgerStorage])
def test_no_error_message_holds_it(open_it: object) -> None:
    for url in (f"postgresql://me:{SECRET}@127.0.0.1:1/db", f"nonsense://me:{SECRET}@host/db"):
        with pytest.raises(ValueError, match=r"me:\*\*\*@") as told:
            open_it(url)  # type: ignore[operator]
        assert SECRET not in str(told.value)
