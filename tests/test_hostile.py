"""Files and names that somebody made to do harm, or that chance damaged: a sentence at most, and nothing outside.

Together these try 2,700 inputs.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dcgan import clusters, jobs, queue, runs, tickets
from dcgan.config import TrainConfig
from dcgan.data import ImageData
from dcgan.errors import UserError
from dcgan.files import write_sealed
from dcgan.records import STATES
from dcgan.resume import read_state
from dcgan.runs import STATE_MARK, Frame
from dcgan.sampling import load_snapshot
from dcgan.session import run_training
from dcgan.training import Trainer
from ui import live_data, server

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(list(TrainConfig.__dataclass_fields__)) | st.text(max_size=12)


def trying(count: int) -> Callable[[Any], Any]:
    """`count` inputs, the same ones each time."""
    silenced = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=silenced)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    """A real, small run, and nothing else in the folder around it."""
    config = TrainConfig(
        dataset="digits", epochs=1, batch_size=512, latent_dim=4, generator_width=4, discriminator_width=4,
        conditioning="labels", device="cpu", precision="float32", log_every=1,
    )  # fmt: skip
    run = runs.create_run(tmp_path_factory.mktemp("hostile") / "runs" / "r", config, "quick")
    run_training(run)
    return run


def outside(run: runs.Run) -> list[str]:
    """All files around the runs directory."""
    return sorted(str(path) for path in run.path.parent.parent.rglob("*") if run.path not in path.parents)


@trying(600)
@given(values=st.dictionaries(FIELDS, JSON, max_size=5))
def test_any_configuration_is_taken_or_refused_in_a_sentence(values: dict[str, Any]) -> None:
    try:
        config = TrainConfig.from_dict(values)
    except UserError as error:
        assert str(error)
    else:
        assert TrainConfig.from_dict(config.to_dict()) == config


SMALL_FILES = ("run.json", "status.json", "job.json", "ticket.json", "label.json", "control.json", "metrics.jsonl",
               "quality.jsonl", "log.txt")  # fmt: skip


@trying(700)
@given(data=st.data(), name=st.sampled_from(SMALL_FILES))
def test_any_content_of_any_small_file_reads(trained: runs.Run, data: st.DataObject, name: str) -> None:
    file, before = trained.path / name, outside(trained)
    kept = file.read_bytes() if file.exists() else None
    record = json.loads(kept) if kept and name.endswith(".json") else {}
    keys = st.sampled_from(sorted(record) or ["number", "queued", "owner", "title", "pid"]) | st.text(max_size=5)
    changed = st.dictionaries(keys | st.text(max_size=5), JSON, max_size=3).map(
        lambda more: json.dumps({**record, **more})
    )
    content = data.draw(changed.map(str.encode) | st.binary(max_size=200) | JSON.map(lambda v: json.dumps(v).encode()))
    try:
        file.write_bytes(content)
        with suppress(UserError):
            run = runs.open_run(trained.path)
            assert run.title and run.status().state in STATES
            run.metrics(), run.quality(), jobs.read_job(run), tickets.read_ticket(run)
            json.dumps(live_data.live_payload(run), allow_nan=False)
        runs.list_runs(trained.path.parent)
        queue.waiting(trained.path.parent)
    finally:
        file.unlink() if kept is None else file.write_bytes(kept)
    assert outside(trained) == before


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """`content` cut, lengthened, or with some bytes changed, mostly near its beginning, where headers are."""
    kind = draw(st.sampled_from(["cut", "more", "bytes", "head"]))
    if kind == "cut":
        return content[: draw(st.integers(0, len(content)))]
    if kind == "more":
        return content + draw(st.binary(min_size=1, max_size=50))
    changed, last = bytearray(content), min(len(content), 600 if kind == "head" else len(content)) - 1
    for _ in range(draw(st.integers(1, 4))):
        changed[draw(st.integers(0, last))] = draw(st.integers(0, 255))
    return bytes(changed)


@trying(300)
@given(data=st.data())
def test_any_damage_to_a_generator_is_a_sentence(trained: runs.Run, tmp_path: Path, data: st.DataObject) -> None:
    sound = trained.snapshots()[-1]
    file = tmp_path / sound.path.name
    file.write_bytes(data.draw(damaged(sound.path.read_bytes())))
    with suppress(UserError):
        load_snapshot(Frame(1, 3, file))
    with suppress(UserError):
        clusters.load_clusters(file)


@trying(200)
@given(changes=st.dictionaries(st.sampled_from(["config", "shape", "class_counts", "epoch", "step", "format"]), JSON))
def test_any_header_of_a_generator_is_a_sentence(trained: runs.Run, tmp_path: Path, changes: dict[str, Any]) -> None:
    content = trained.snapshots()[-1].path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] |= {name: json.dumps(value) for name, value in changes.items()}
    with suppress(UserError):
        load_snapshot(Frame(1, 3, with_header(tmp_path, header, content[8 + length :])))


def with_header(folder: Path, header: dict[str, Any], rest: bytes) -> Path:
    text = json.dumps(header).encode()
    file = folder / "epoch-0001-step-000003.safetensors"
    file.write_bytes(struct.pack("<Q", len(text)) + text + rest)
    return file


@pytest.mark.parametrize("size", [10**3, 10**6, 10**9, 10**18, 2**63, -28, 0, 7])
def test_a_small_file_that_asks_for_much_memory_gets_none(trained: runs.Run, tmp_path: Path, size: int) -> None:
    content = trained.snapshots()[-1].path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    for name in ("size", "channels", "num_classes"):
        shape = json.loads(header["__metadata__"]["shape"]) | {name: size}
        asks = header | {"__metadata__": header["__metadata__"] | {"shape": json.dumps(shape)}}
        with pytest.raises(UserError, match="damaged"):
            load_snapshot(Frame(1, 3, with_header(tmp_path, asks, b"")))
    tensor = {"dtype": "F32", "shape": [size if size > 0 else 10**12], "data_offsets": [0, 10**12]}
    with pytest.raises(UserError, match="damaged"):
        load_snapshot(Frame(1, 3, with_header(tmp_path, header | {"stem.weight": tensor}, b"")))


@trying(300)
@given(data=st.data(), sealed=st.booleans())
def test_any_damage_to_a_state_is_a_sentence(
    trained: runs.Run, digits: ImageData, tmp_path: Path, data: st.DataObject, sealed: bool
) -> None:
    """Also where the digest is right: it guards against chance, not against people."""
    sound = trained.states()[-1]
    content = sound.path.read_bytes()
    file = tmp_path / sound.path.name
    if sealed:
        write_sealed(file, STATE_MARK, data.draw(damaged(content.partition(b"\n")[2])))
    else:
        file.write_bytes(data.draw(damaged(content)))
    with suppress(UserError):
        state = read_state(Frame(1, sound.step, file))
        Trainer(trained.config, digits).load_state_dict(state.trainer)


def test_a_state_never_runs_code(trained: runs.Run, tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "harm",)

    file = tmp_path / "epoch-0001-step-000003.pt"
    torch.save({"config": {}, "seconds": 1.0, "trainer": {"step": 3, "x": Harm()}}, tmp_path / "plain")
    content = (tmp_path / "plain").read_bytes()
    file.write_bytes(f"{STATE_MARK} {hashlib.sha256(content).hexdigest()}\n".encode() + content)
    with pytest.raises(UserError, match="damaged"):
        read_state(Frame(1, 3, file))
    assert not (tmp_path / "harm").exists()


NAMES = st.text(max_size=120) | st.lists(st.sampled_from(["..", "/", "\\", "r", "%2e", "\x00", ".", "~", "C:"])).map(
    "".join
)


@trying(400)
@given(name=NAMES)
def test_no_name_leaves_the_runs_directory(trained: runs.Run, name: str) -> None:
    folder, before = trained.path.parent, outside(trained)
    (folder.parent / "secret").mkdir(exist_ok=True)
    try:
        run = runs.open_named(name, folder)
    except UserError as error:
        assert str(error)
    else:
        assert run.path.resolve() == trained.path.resolve()
    assert set(outside(trained)) - {str(folder.parent / "secret")} == set(before) - {str(folder.parent / "secret")}


@trying(200)
@given(name=NAMES, file=NAMES, offset=st.text(max_size=8))
def test_no_address_brings_a_server_error(trained: runs.Run, name: str, file: str, offset: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DCGAN_RUNS_DIR", str(trained.path.parent))
        browser = TestClient(Starlette(routes=server.routes()), base_url="http://localhost")
        for path in (f"{name}/live", f"r/samples/{file}", f"{name}/samples/{file}", "r/live"):
            answer = browser.get(f"/lab/runs/{quote(path, errors='replace')}", params={"offset": offset})
            assert answer.status_code in (200, 307, 404)
            assert answer.status_code != 200 or path == "r/live" or name in ("r", "") or "r" in name
