"""What is seen to before Ray starts, and what is said when it does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import ray
from ray._private import ray_constants, ray_logging
from runs import a_request

from optcell_search.tuning.cluster import connection, own_processes, starting
from optcell_search.tuning.cluster.data_transfer import Source
from optcell_search.tuning.store import checkpoints


@pytest.mark.parametrize("alone", [True, False])
def test_rays_own_settings_hold_for_its_start_alone(alone: bool) -> None:
    names = ("RAY_DISABLE_FAILURE_SIGNAL_HANDLER", "ENABLE_RAY_CLUSTER")
    before = [getattr(ray_constants, name) for name in names]
    with starting.settings(alone=alone):
        # With the handler in place SIGTERM ends this process in the C++ code, with its stack.
        during = [getattr(ray_constants, name) for name in names]
    assert during == [True, False if alone else before[1]]
    assert [getattr(ray_constants, name) for name in names] == before


@pytest.mark.usefixtures("cluster")
def test_a_ray_that_does_not_come_up_is_one_line(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(**_: object) -> None:
        raise Exception("The current node timed out during startup.\nThis could happen because")

    request = a_request(tiny)
    others = own_processes.of_our_node()
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", late)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    location, source = checkpoints.location_of(request, tmp_path), Source.of(request, tmp_path)
    with (
        pytest.raises(ValueError, match="no Ray could be started on this machine: The c") as caught,
        connection.connected(request, location, source),
    ):
        pass
    assert "\n" not in str(caught.value)
    assert own_processes.of_our_node() == others, "a Ray of before is not ended"


@pytest.mark.parametrize("home", ["ordinary", "kept", "locked"])
def test_a_token_is_made_where_the_home_keeps_none(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    if home == "kept":
        (tmp_path / ".ray").mkdir()
        (tmp_path / ".ray" / "auth_token").write_text("0" * 64)
    if home != "ordinary":
        # Root may write anywhere.
        monkeypatch.setattr("os.access", lambda *_: False)
    made = starting.token()
    assert list(made) == (["RAY_AUTH_TOKEN"] if home == "locked" else [])
    assert made == starting.token()
    monkeypatch.setenv("RAY_AUTH_TOKEN", "mine")
    assert starting.token() == {}


def test_what_a_node_tells_every_driver_is_not_printed() -> None:
    lines = {"lines": ["Raylet is terminated. Last 20 lines"], "pid": "raylet", "ip": "x"}
    with connection._quiet():
        assert ray_logging.stdout_deduplicator.deduplicate(dict(lines))[0]["lines"] == []
    assert ray_logging.stdout_deduplicator.deduplicate(dict(lines))[0]["lines"] == lines["lines"]


@pytest.mark.parametrize(
    ("usual", "chosen"), [("/tmp", None), ("/a" * 30, f"/tmp/ray-{os.getuid()}")]
)
def test_sockets_have_short_paths(
    usual: str, chosen: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: usual)
    assert starting.temporary_folder() == chosen


def test_a_home_that_is_no_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    with pytest.raises(ValueError, match="set HOME to one"):
        starting.require_home()
    monkeypatch.setenv("HOME", str(tmp_path))
    starting.require_home()


@pytest.mark.parametrize("secret", [True, False])
def test_with_a_password_all_that_is_written_is_its_owners(
    secret: bool, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "made"

    def make_a_file(*_: object) -> None:
        made.touch()
        raise ValueError("no more")

    monkeypatch.setattr(connection, "_connect", make_a_file)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    where = f"local://{tmp_path}/store" + "?token=s3cret" * secret
    request = a_request(tiny, storage=where, checkpoint_gib=0)
    location = checkpoints.location_of(request, tmp_path)
    source = Source.of(request, tmp_path)
    with (
        pytest.raises(ValueError, match="no more"),
        connection.connected(request, location, source),
    ):
        pass
    (tmp_path / "after").touch()
    assert made.stat().st_mode & 0o077 == (0 if secret else 0o044)
    assert (tmp_path / "after").stat().st_mode & 0o077 == 0o044
