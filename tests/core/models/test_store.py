"""The store of models: whole or not there, also after kill -9 and on a full disk; odd names; nothing is trusted."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_core_dagster.errors import ModelError
from bot_core_dagster.models import files as files_module
from bot_core_dagster.models.files import folder_name
from bot_core_dagster.models.store import CARD, ModelStore
from tests.core.models.cards import card

FILES = {"weights.safetensors": b"\x00\x01" * 500, "meta.json": b"{}"}
KEY = ("BTCUSDT", "boosting", "0123456789abcdef")
ODD = ["BTC/USDT:USDT", "A%B", "A%2FB", "O'X", "..", ".", "a b", "…é中", "-x", "A\\B", ".part-x"]


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def _left_over(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*") if path.name.startswith(".part")]


def test_a_saved_model_is_loaded_as_it_was(store: ModelStore) -> None:
    kept = store.save(card(), FILES)
    loaded, files = store.load(*KEY)
    assert files == FILES
    assert (loaded.files, loaded.columns) == (kept.files, card().columns)
    assert sorted(loaded.files) == sorted(FILES)
    assert sorted(path.name for path in store.folder(*KEY).iterdir()) == sorted([CARD, *FILES])
    assert store.has(*KEY)


@pytest.mark.parametrize("symbol", ODD, ids=repr)
def test_odd_symbols_have_a_folder_each_within_the_root(store: ModelStore, symbol: str) -> None:
    for each in ODD:
        store.save(card(symbol=each, stopping_reason=each), FILES)
    assert store.load(symbol, *KEY[1:])[0].stopping_reason == symbol
    assert len(list(store.root.iterdir())) == len(ODD)
    assert store.folder(symbol, *KEY[1:]).resolve().is_relative_to(store.root.resolve())


@given(texts=st.lists(st.text(alphabet="aA./%\\'-_ é", min_size=1, max_size=6), min_size=2, max_size=2, unique=True))
def test_two_texts_never_share_a_folder_and_none_leads_elsewhere(texts: list[str]) -> None:
    first, second = map(folder_name, texts)
    assert first != second
    for name in (first, second):
        assert len(Path(name).parts) == 1
        assert not name.startswith(".")


def test_a_version_that_is_whole_stays_as_it_is(store: ModelStore) -> None:
    store.save(card(), FILES)
    kept = store.save(card(stopping_reason="another"), {"weights.safetensors": b"other"})
    assert kept.stopping_reason == card().stopping_reason
    assert store.load(*KEY)[1] == FILES
    assert _left_over(store.root) == []


@pytest.mark.parametrize("broken", ["card", "weights", "file in its place", "link in its place"])
def test_a_version_that_is_broken_is_replaced(store: ModelStore, tmp_path: Path, broken: str) -> None:
    store.save(card(), FILES)
    folder = store.folder(*KEY)
    if broken == "card":
        (folder / CARD).write_bytes(b"{")
    elif broken == "weights":
        (folder / "meta.json").unlink()
    else:
        folder.rename(tmp_path / "elsewhere")
        folder.write_bytes(b"") if broken.startswith("file") else folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError):
        store.load(*KEY)
    store.save(card(), FILES)
    assert store.load(*KEY)[1] == FILES
    assert _left_over(store.root) == []


def test_a_model_that_is_gone_says_what_to_do(store: ModelStore) -> None:
    with pytest.raises(
        ModelError, match=r"the file is gone: the folder of boosting .*next: bot-core train boosting BTC"
    ):
        store.load(*KEY)
    store.save(card(), FILES)
    (store.folder(*KEY) / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match=r"the file is gone: weights.safetensors of boosting"):
        store.load(*KEY)


def test_a_file_that_was_changed_is_refused(store: ModelStore) -> None:
    store.save(card(), FILES)
    file = store.folder(*KEY) / "weights.safetensors"
    content = bytearray(FILES["weights.safetensors"])
    content[77] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"weights.safetensors is not what its card says"):
        store.load(*KEY)


def test_a_file_too_large_is_not_read(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(card(), FILES)
    monkeypatch.setattr(files_module, "MAX_BYTES", 900)
    with pytest.raises(ModelError, match="at most 900 are read"):
        store.load(*KEY)


def test_links_and_pipes_are_not_read(store: ModelStore, tmp_path: Path) -> None:
    store.save(card(), FILES)
    file = store.folder(*KEY) / "meta.json"
    (tmp_path / "same").write_bytes(FILES["meta.json"])
    file.unlink()
    file.symlink_to(tmp_path / "same")
    with pytest.raises(ModelError, match="link"):
        store.load(*KEY)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(ModelError, match="expected a file"):
        store.load(*KEY)
    moved = store.root / "BTCUSDT" / "boosting"
    moved.rename(tmp_path / "boosting")
    moved.symlink_to(tmp_path / "boosting")
    with pytest.raises(ModelError, match="is a link"):
        store.load(*KEY)


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", ".hidden", "a/b", "", "a\0b"], ids=repr)
def test_a_card_cannot_name_a_file_elsewhere(store: ModelStore, name: str) -> None:
    store.save(card(), FILES)
    file = store.folder(*KEY) / CARD
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"files": {name: "0" * 64}}))
    with pytest.raises(ModelError, match="which may lie elsewhere"):
        store.load(*KEY)
    with pytest.raises(ModelError, match="expected files named like"):
        store.save(card(version="other"), {name: b""})


def test_the_card_of_another_model_is_refused(store: ModelStore) -> None:
    store.save(card(), FILES)
    store.folder(*KEY).rename(store.folder("BTCUSDT", "boosting", "fedcba"))
    with pytest.raises(
        ModelError, match="it is the card of boosting 0123456789abcdef of BTCUSDT; next: bot-core train"
    ):
        store.load("BTCUSDT", "boosting", "fedcba")


def test_a_checkpoint_is_read_back_whole_or_not_at_all(store: ModelStore) -> None:
    checkpoint = store.checkpoint(*KEY)
    assert checkpoint.read() is None
    for content in (b"first", b"", b"second" * 1_000):
        checkpoint.write(content)
        assert store.checkpoint(*KEY).read() == content
    whole = checkpoint.file.read_bytes()
    for torn in (whole[:-1], whole[:10], b"", whole[:-1] + b"x"):
        checkpoint.file.write_bytes(torn)
        assert checkpoint.read() is None
    checkpoint.remove()
    checkpoint.remove()
    assert checkpoint.read() is None


def test_pruning_removes_old_versions_that_nobody_needs_and_what_kills_left(store: ModelStore) -> None:
    for version in ("kept", "old", "young"):
        store.save(card(version=version), FILES)
    store.checkpoint("BTCUSDT", "boosting", "dead").write(b"x")
    home = store.folder(*KEY).parent
    (home / ".part-killed").mkdir()
    (home / ".part-killed" / "weights").write_bytes(b"half")
    day_ago = time.time() - 86_400
    for path in [*home.iterdir()]:
        if path.name != "young":
            os.utime(path, (day_ago, day_ago))
    assert store.prune({"kept"}) == 1
    assert sorted(path.name for path in home.iterdir()) == ["kept", "young"]
    assert store.prune({"kept"}, older_than=timedelta(0)) == 1
    assert ModelStore(store.root / "nowhere").prune(set()) == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB; skipped where this user cannot mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_leaves_what_was_there_and_nothing_half(small_disk: Path) -> None:
    store = ModelStore(small_disk / "models")
    store.save(card(), FILES)
    checkpoint = store.checkpoint("BTCUSDT", "lstm", "f")
    checkpoint.write(b"a" * 1_000)
    large = os.urandom(2_000_000)
    with pytest.raises(ModelError, match=r"No space left on device; next: bot-core doctor"):
        store.save(card(version="large"), {"weights.safetensors": large})
    with pytest.raises(ModelError, match=r"checkpoint cannot be written: No space left on device"):
        checkpoint.write(large)
    assert _left_over(store.root) == []
    assert not store.has("BTCUSDT", "boosting", "large")
    assert store.load(*KEY)[1] == FILES
    assert checkpoint.read() == b"a" * 1_000


_WRITER = """
import itertools, os, sys
from pathlib import Path
from bot_core_dagster.models.store import ModelStore
from tests.core.models.cards import card
store = ModelStore(Path(sys.argv[1]))
print("ready", flush=True)
for number in itertools.count():
    content = str(number).encode() * 40_000
    store.checkpoint("BTCUSDT", "boosting", "0").write(content)
    store.save(card(version=f"v{number}", n_epochs=number), {"a.bin": content, "b.bin": content})
    print(number, flush=True)
"""


@pytest.mark.parametrize("delay_ms", [15, 40, 90], ids="after {} ms".format)
def test_kill_9_while_saving_leaves_whole_models_and_all_that_were_acknowledged(
    store: ModelStore, delay_ms: int
) -> None:
    root = Path(__file__).resolve().parents[3]
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(store.root)], stdout=subprocess.PIPE, text=True, cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    time.sleep(delay_ms / 1_000)
    writer.send_signal(signal.SIGKILL)
    acknowledged = [int(line) for line in writer.communicate()[0].split()]
    home = store.root / "BTCUSDT" / "boosting"
    there = (
        [path.name for path in home.iterdir() if path.is_dir() and not path.name.startswith(".")]
        if home.exists()
        else []
    )
    assert {f"v{number}" for number in acknowledged} <= set(there)
    for version in there:
        loaded, files = store.load("BTCUSDT", "boosting", version)
        assert files == dict.fromkeys(("a.bin", "b.bin"), str(loaded.n_epochs).encode() * 40_000)
    kept = store.checkpoint("BTCUSDT", "boosting", "0").read()
    assert kept is not None or not acknowledged
    if kept is not None:
        assert kept[: len(kept) // 40_000] * 40_000 == kept


def test_of_those_who_save_one_version_at_once_one_is_kept_and_all_are_told_which(store: ModelStore) -> None:
    start = threading.Barrier(6)
    kept: list[str] = []

    def save(number: int) -> None:
        start.wait()
        made = replace(card(), stopping_reason=f"writer {number}")
        kept.append(store.save(made, {"weights.bin": str(number).encode()}).stopping_reason)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loaded, files = store.load(*KEY)
    assert set(kept) == {loaded.stopping_reason}
    assert len(kept) == 6
    assert files == {"weights.bin": loaded.stopping_reason.removeprefix("writer ").encode()}
    assert _left_over(store.root) == []
