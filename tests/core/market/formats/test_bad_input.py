"""Files that are refused: each with one clear FormatError, in bounded memory."""

import io
import json
import os
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.formats import FORMATS, read_bars_file
from bot_core_dagster.market.formats.payload import MAX_BYTES, MAX_LINE_BYTES, checked_text, chunks_of
from bot_core_dagster.timeframe import Timeframe
from tests.core.market.formats.written import CRYPTO, FX, crypto_candles, write_csv, write_json, write_zip

HEADER = "time,open,high,low,close,volume\n"
ROW = "2024-01-01 00:00,1,2,0.5,1,3\n"


def refusal(path: Path, **declared: str) -> str:
    with pytest.raises(FormatError) as caught:
        read_bars_file(path, symbol="BTCUSDT", timeframe=Timeframe.H1, calendar=CRYPTO, **declared)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"\n\n  \n", "empty"),
        (bytes(range(256)) * 40, "NUL"),
        (HEADER.encode("utf-16"), "NUL"),
        ((HEADER + ROW + "caf\xe9").encode("latin-1"), "UTF-8"),
        ((HEADER + ROW).encode() + b"\0", "NUL"),
        (b"when,first,second\n1,2,3\n", "no known format"),
        (b"time,open,high,low\n2024-01-01,1,2,3\n", "no known format"),
        (b"time,open,open,high,low,close\n2024-01-01,1,1,2,1,1\n", "more than once"),
        (HEADER.encode(), "no rows"),
        ((HEADER + "x,y,z,a,b,c\n" * 3).encode(), "no row can be read"),
        (("," * 200 + "\n").encode() + b"time,open,high,low,close", "no known format"),
        ((HEADER + ROW + "2024-01-01T01:00Z,1,2,0.5,1,3\n").encode(), "mixed zones: line 3"),
        (b"time,open,high,low,close,volume,symbol\n2024-01-01,1,2,1,1,3,A\n2024-01-02,1,2,1,1,3,B\n", "2 symbols"),
    ],
    ids=[
        "empty",
        "blank",
        "binary",
        "utf-16",
        "latin-1",
        "a nul byte",
        "wrong header",
        "no close",
        "a column twice",
        "header only",
        "no row is a bar",
        "200 columns",
        "mixed zones",
        "two symbols",
    ],
)
def test_a_bad_text_is_refused_in_one_line(content: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_bytes(content)
    assert expected in refusal(path)


def test_a_line_of_100_mb_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    with path.open("wb") as file:
        file.write(HEADER.encode())
        for _ in range(100):
            file.write(b"1" * 1_000_000)
    tracemalloc.start()
    message = refusal(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "a line is longer than 65,536 bytes" in message
    assert peak < 10_000_000


@pytest.mark.parametrize("n_bytes", [MAX_LINE_BYTES - 1, MAX_LINE_BYTES, MAX_LINE_BYTES + 1], ids="{} bytes".format)
@pytest.mark.parametrize("before", [0, 1 << 20], ids=["in the first chunk", "across chunks"])
def test_the_limit_of_a_line_is_exact(n_bytes: int, before: int) -> None:
    lines = b"x" * 9 + b"\n"
    text = lines * ((before - n_bytes // 2) // len(lines) if before else 1) + b"y" * n_bytes + b"\n" + lines
    if n_bytes > MAX_LINE_BYTES:
        with pytest.raises(FormatError, match="a line is longer"):
            checked_text("f", chunks_of(io.BytesIO(text)))
    else:
        assert checked_text("f", chunks_of(io.BytesIO(text))) == text


@given(
    st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)), st.integers(1, 7)
)
def test_text_cut_anywhere_into_chunks_is_joined_again(lines: list[str], size: int) -> None:
    text = ("x\n" + "\n".join(lines)).encode()
    chunks = [text[start : start + size] for start in range(0, len(text), size)]
    assert checked_text("f", chunks) == text


@pytest.mark.parametrize("cut", [b"\xe2\x82", b"\xc3"], ids=["of three bytes", "of two bytes"])
def test_a_text_that_ends_inside_a_character_is_refused(cut: bytes) -> None:
    with pytest.raises(FormatError, match="UTF-8"):
        checked_text("f", [b"abc" + cut])


def test_a_file_over_the_size_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert "over the limit" in refusal(path)


@pytest.mark.parametrize("kind", ["missing", "folder", "link", "pipe"])
def test_only_regular_files_are_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        write_csv(tmp_path / "real.csv", (frame := crypto_candles()), frame["open_time"])
        path.symlink_to(tmp_path / "real.csv")
    elif kind == "pipe":
        os.mkfifo(path)
    expected = {"missing": "No such file", "folder": "regular file", "link": "symbolic link", "pipe": "regular file"}
    assert expected[kind] in refusal(path)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95], ids="{:.0%} of it".format)
def test_a_truncated_zip_is_refused(share: float, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "bars.zip", "bars.csv", HEADER + ROW * 2_000)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "truncated or damaged" in refusal(path)


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8], ids="at {:.0%}".format)
def test_a_damaged_zip_is_refused_and_never_read_wrongly(place: float, tmp_path: Path) -> None:
    frame = crypto_candles(500)
    text = write_csv(tmp_path / "bars.csv", frame, frame["open_time"]).read_text()
    path = write_zip(tmp_path / "bars.zip", "bars.csv", text)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 0xFF
    path.write_bytes(bytes(content))
    assert "truncated or damaged" in refusal(path)


def test_a_zip_bomb_is_refused_before_it_unfolds(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "bomb.zip", "bars.csv", HEADER + ROW * 3_000_000)
    tracemalloc.start()
    message = refusal(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "zip bomb" in message
    assert peak < 100_000_000


def test_a_zip_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "bomb.zip", "bars.csv", HEADER + ROW * 300_000)
    content = path.read_bytes()
    real = struct.pack("<I", len(HEADER) + 300_000 * len(ROW))
    assert content.count(real) == 2
    path.write_bytes(content.replace(real, struct.pack("<I", 1_000)))
    refusal(path)


@pytest.mark.parametrize(
    "member", ["../bars.csv", "/etc/bars.csv", "a/../../bars.csv", "..\\bars.csv", "C:\\bars.csv"], ids=str
)
def test_a_member_path_that_leaves_the_folder_is_refused(member: str, tmp_path: Path) -> None:
    assert "leaves the archive's folder" in refusal(write_zip(tmp_path / "bars.zip", member, HEADER + ROW))


@pytest.mark.parametrize("n_members", [0, 2])
def test_a_zip_holds_one_file(n_members: int, tmp_path: Path) -> None:
    path = tmp_path / "bars.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for place in range(n_members):
            archive.writestr(f"{place}.csv", HEADER + ROW)
    assert f"got {n_members}" in refusal(path)


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "bars.zip", "bars.csv", HEADER + ROW)
    content = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + offset] |= 1
    path.write_bytes(bytes(content))
    assert "encrypted" in refusal(path)


def test_a_zip_of_something_else_is_refused(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("bars.csv", HEADER + ROW)
    assert "NUL" in refusal(write_zip(tmp_path / "bars.zip", "inner.zip", inner.getvalue()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", "an empty array"),
        ("{}", "a JSON dict"),
        ("[1, 2]", "no element is a bar"),
        ('[["a", "b"]]', "no element is a bar"),
        ("[[1509836520000, 1, 1, 1", "not JSON"),
        ("[" * 200_000, "nested too deeply"),
        ("[[" + "9" * 5_000 + ",1,1,1,1,1]]", "not JSON"),
        ("[[" + "9" * 400 + ",1,1,1,1,1]]", "not a time"),
        ("[[5,1,1,1,1,1]]", "5 is no time"),
        ("[[true,1,1,1,1,1]]", "not a time (true)"),
        ("[[1509836520000,null,1,1,1,1]]", "not a number (null)"),
        ("[[1509836520000,1" + "0" * 400 + ",1,1,1,1]]", "not a number"),
    ],
    ids=[
        "empty",
        "an object",
        "numbers",
        "texts",
        "cut",
        "deep",
        "a number of 5,000 digits",
        "of 400",
        "early",
        "a boolean",
        "a null",
        "a price of 400 digits",
    ],
)
def test_bad_json_is_refused(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "bars.json"
    path.write_text(text)
    assert expected in refusal(path)


def test_json_over_its_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bars.json"
    path.write_bytes(b"[" + b" " * (64 << 20))
    assert "more than is read at once" in refusal(path)


def test_an_element_that_is_no_bar_is_quarantined_by_its_position(tmp_path: Path) -> None:
    path = write_json(tmp_path / "bars.json", crypto_candles(20))
    rows = json.loads(path.read_text())
    rows[3] = [1, 2]
    rows[7][2] = "many"
    rows[9][0] = 17
    rows[10][0] = str(rows[10][0])
    rows[11][1] = str(rows[11][1])
    path.write_text(json.dumps(rows))
    fetched = read_bars_file(path, symbol="X", timeframe=Timeframe.H1, calendar=CRYPTO)
    assert fetched.quarantined is not None
    assert fetched.quarantined["line"].tolist() == [4.0, 8.0, 10.0]
    assert len(fetched.bars) == 17


def _parquet(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_parquet(path, index=False)
    return path


def test_parquet_that_is_damaged_or_no_table_of_bars_is_refused(tmp_path: Path) -> None:
    frame = crypto_candles(200)
    whole = _parquet(frame, tmp_path / "bars.parquet").read_bytes()
    for name, content in {"cut": whole[:900], "flipped": whole[:-400] + bytes(390) + whole[-10:]}.items():
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(content)
        assert "truncated or damaged" in refusal(path)
    assert "has no high, low" in refusal(_parquet(frame.drop(columns=["high", "low"]), tmp_path / "a.parquet"))
    assert "a time" in refusal(_parquet(frame.drop(columns="open_time"), tmp_path / "b.parquet"))
    assert "expected numbers" in refusal(_parquet(frame.assign(close="x"), tmp_path / "c.parquet"))
    assert "is no time" in refusal(_parquet(frame.assign(open_time="x"), tmp_path / "d.parquet"))
    assert "no rows" in refusal(_parquet(frame.head(0), tmp_path / "e.parquet"))


def test_a_timeframe_that_is_not_the_spacing_of_the_file_is_refused(tmp_path: Path) -> None:
    frame = crypto_candles(100, freq="5min")
    path = write_csv(tmp_path / "bars.csv", frame, frame["open_time"])
    assert "--timeframe 5m" in refusal(path)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"format": "excel"}, ", ".join(FORMATS)),
        ({"format": "csv:time,open"}, "only epoch-csv: takes one"),
        ({"format": "json"}, "not JSON"),
        ({"format": "lean"}, "Lean's 11 columns"),
        ({"format": "parquet"}, "truncated or damaged"),
        ({"format": "mt5-rates"}, "tick_volume"),
        ({"format": "mt5-export"}, "tickvol"),
        ({"format": "dukascopy"}, "Dukascopy"),
        ({"format": "binance-klines"}, "12 columns"),
        ({"format": "epoch-csv"}, "epoch-csv:"),
        ({"tz": "Europe/Atlantis"}, "--tz"),
        ({"label": "middle"}, "--label"),
        ({"side": "left"}, "--side"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(f"{key} {name}" for key, name in value.items()),
)
def test_a_wrong_declaration_is_refused_and_names_what_is_allowed(
    declared: dict[str, str], expected: str, tmp_path: Path
) -> None:
    frame = crypto_candles(50)
    path = write_csv(tmp_path / "bars.csv", frame, frame["open_time"])
    with pytest.raises(FormatError) as caught:
        read_bars_file(path, symbol="X", timeframe=Timeframe.H1, calendar=CRYPTO, **declared)
    assert expected in str(caught.value)


def test_a_declaration_against_the_files_own_evidence_is_refused(tmp_path: Path) -> None:
    frame = crypto_candles(50)
    aware = frame.rename(columns={"open_time": "timestamp"})
    aware.to_csv(tmp_path / "aware.csv", index=False)
    assert "leave --tz out" in refusal(tmp_path / "aware.csv", tz="Europe/Athens")
    frame.to_csv(tmp_path / "labelled.csv", index=False)
    assert "--label close contradicts it" in refusal(tmp_path / "labelled.csv", label="close")
    from tests.core.market.formats.written import fx_candles, write_dukascopy

    path = write_dukascopy(tmp_path / "EURUSD_ask.csv", fx_candles(end="2017-03-01"))
    with pytest.raises(FormatError, match="--side bid contradicts"):
        read_bars_file(path, symbol="EURUSD", timeframe=Timeframe.H1, calendar=FX, side="bid")
