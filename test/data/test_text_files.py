import logging

import pytest

from espnet2_nix.data.errors import DataError
from espnet2_nix.data.text_files import read_each_line, read_lines, read_text_file

TEXT = "1/1_0000.wav|세 시예요.|나\n1/1_0001.wav|물을 뜬다|다\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp949"])
def test_what_excel_and_windows_write_is_read_and_named_in_the_log(tmp_path, caplog, encoding):
    path = tmp_path / "t.txt"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode(encoding))
    with caplog.at_level(logging.WARNING):
        assert read_text_file(path) == TEXT
    assert ("read as" in caplog.text) == (encoding != "utf-8-sig")


def test_line_ends_are_those_of_text_files_only(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes("가\u2028나\r\n다\x85라\r마\x0b바".encode())
    assert read_lines(path) == ["가\u2028나", "다\x85라", "마\x0b바"]
    path.write_bytes(b"")
    assert read_lines(path) == []


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_a_bad_byte_is_named_by_file_and_line(tmp_path, encoding):
    lines = [f"{i}번째 줄입니다".encode(encoding) for i in range(9)]
    lines[6] += b"\xff\xff"
    path = tmp_path / "t.txt"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(DataError, match=r"t\.txt, line 7: byte 0xff"):
        read_text_file(path)


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_bad_line_leaves_the_others_readable(tmp_path, encoding, end, caplog):
    texts = [f"{i}번째 줄입니다" for i in range(9)]
    lines = [text.encode(encoding) for text in texts]
    path = tmp_path / "t.txt"
    path.write_bytes(end.join([*lines, b""]))
    assert read_each_line(path) == texts
    caplog.clear()
    lines[6] += b"\xff\xff"
    path.write_bytes(end.join([*lines, b""]))
    found = read_each_line(path)
    assert [line for i, line in enumerate(found) if i != 6] == [text for i, text in enumerate(texts) if i != 6]
    assert isinstance(found[6], DataError)
    assert f"t.txt, line 7: byte 0xff is no {encoding}" in str(found[6])
    assert ("read as cp949" in caplog.text) == (encoding == "cp949")


def test_a_damaged_file_without_lines_is_refused(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes("나무\n".encode("utf-16") + b"\x00")
    with pytest.raises(DataError, match=r"t\.txt, line \d+: byte"):
        read_each_line(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_text_file(tmp_path)
