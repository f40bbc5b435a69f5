import builtins
import json

import pyarrow
import pyarrow.parquet
import pytest

from artkit_shards import ConvertError
from artkit_shards.conversion.sources.tables.opening import open_table
from artkit_shards.conversion.sources.tables.rows import BadRow


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def contents(path, *columns, **options):
    table = open_table(path, **options)
    return [row.content for row in table.rows(columns or table.columns)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("t.csv", "file,artist\na.jpg,Klee\nb.jpg,\n", id="csv"),
        pytest.param("T.CSV", "\ufefffile,artist\r\na.jpg,Klee\r\n\r\nb.jpg,\r\n", id="byte order mark, blank lines"),
        pytest.param("t.csv", 'file,artist\na.jpg,"Klee"\n"b.jpg",""', id="quoted, without a last line end"),
        pytest.param("t.csv", "file;artist\na.jpg;Klee\nb.jpg;\n", id="semicolons"),
        pytest.param("t.csv", '"file";"artist"\n"a.jpg";"Klee"\n"b.jpg";""\n', id="quoted semicolons"),
        pytest.param("t.tsv", "file\tartist\na.jpg\tKlee\nb.jpg\t\n", id="tsv"),
        pytest.param("t.csv", "file\tartist\na.jpg\tKlee\nb.jpg\t\n", id="tabs in csv"),
        pytest.param("t.csv", " file , artist \na.jpg,Klee\nb.jpg,\n", id="blanks in the header"),
    ],
)
def test_text_tables_are_read(tmp_path, name, content):
    path = write(tmp_path / name, content)
    assert open_table(path).columns == ["file", "artist"]
    assert contents(path) == [("a.jpg", "Klee"), ("b.jpg", "")]
    assert contents(path, "artist") == [("Klee",), ("",)]


def test_quoted_fields_may_hold_separators_quotes_and_line_ends(tmp_path):
    path = write(tmp_path / "t.csv", 'file,title\na.jpg,"Rain, ""Steam""\nand Speed"\nb.jpg,x\n')
    rows = list(open_table(path).rows(["title"]))
    assert [(row.line, row.content) for row in rows] == [(3, ('Rain, "Steam"\nand Speed',)), (4, ("x",))]


def test_ragged_rows_are_told_by_line(tmp_path):
    path = write(tmp_path / "t.csv", "file,artist\na.jpg\nb.jpg,Klee\nc.jpg,Klee,1920\n")
    rows = list(open_table(path).rows(["artist"]))
    assert rows == [
        (2, BadRow("ragged row: 1 fields instead of 2")),
        (3, ("Klee",)),
        (4, BadRow("ragged row: 3 fields instead of 2")),
    ]


def test_json_lines_may_lack_fields_and_hold_numbers(tmp_path):
    lines = [{"file": "a.jpg", "year": 1920}, {"file": "b.jpg", "old": True, "year": None}, {"year": 1.5}]
    path = write(tmp_path / "t.jsonl", "\n".join(map(json.dumps, lines)) + "\n\n")
    assert open_table(path).columns == ["file", "year", "old"]
    assert contents(path, "file", "year", "old") == [
        ("a.jpg", "1920", None),
        ("b.jpg", None, "True"),
        (None, "1.5", None),
    ]


def test_json_lines_that_are_none_are_told_by_line(tmp_path):
    path = write(tmp_path / "t.jsonl", '{"a": "x"}\n{"a": \n[1]\n{"a": ["x"]}\n' + "[" * 100_000 + "\n")
    rows = list(open_table(path).rows(["a"]))
    assert rows == [
        (1, ("x",)),
        (2, BadRow("unreadable row: not JSON")),
        (3, BadRow("unreadable row: no JSON object")),
        (4, BadRow("unreadable row: a list where text is expected")),
        (5, BadRow("unreadable row: not JSON")),
    ]


def test_parquet_is_read_column_by_column(tmp_path):
    columns = {"file": ["a.jpg", "b.jpg"], "year": [1920, None], "tags": [["x"], []]}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    assert open_table(tmp_path / "t.parquet").columns == ["file", "year", "tags"]
    assert contents(tmp_path / "t.parquet", "year", "file") == [("1920", "a.jpg"), (None, "b.jpg")]
    assert contents(tmp_path / "t.parquet", "tags")[0] == BadRow("unreadable row: a list where text is expected")


def test_json_lines_with_half_a_character_are_told_by_line(tmp_path):
    path = write(
        tmp_path / "t.jsonl", r'{"file": "a.jpg"}' + "\n" + r'{"file": "\ud83d"}' + "\n" + r'{"file": "\ud83d\ude00"}'
    )
    half = BadRow("unreadable row: half of a character that takes two")
    assert contents(path) == [("a.jpg",), half, ("\N{GRINNING FACE}",)]


def test_parquet_columns_of_one_name_are_refused(tmp_path):
    column = pyarrow.array(["a"])
    table = pyarrow.Table.from_arrays([column, column, column], names=["file", "class", "class"])
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(ConvertError, match=r"t\.parquet has several columns named 'class'; rename them"):
        open_table(tmp_path / "t.parquet")


def test_parquet_with_values_that_python_has_no_room_for_is_refused(tmp_path):
    ends, text = pyarrow.py_buffer(bytes([0, 0, 0, 0, 1, 0, 0, 0])), pyarrow.py_buffer(b"\xff")
    broken = pyarrow.Array.from_buffers(pyarrow.string(), 1, [None, ends, text])
    pyarrow.parquet.write_table(pyarrow.table({"file": broken}), tmp_path / "t.parquet")
    with pytest.raises(ConvertError, match=r"t\.parquet cannot be read as Parquet: 'utf-8' codec can't decode"):
        contents(tmp_path / "t.parquet")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    real_import = builtins.__import__

    def without_pyarrow(name, *arguments, **options):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real_import(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_pyarrow)
    with pytest.raises(ConvertError, match=r"t\.parquet needs the package pyarrow; install it with: pip"):
        open_table(write(tmp_path / "t.parquet", b""))


def test_other_encodings_are_told_and_can_be_named(tmp_path):
    path = write(tmp_path / "t.csv", ("file,artist\n" + "a.jpg,Klee\n" * 3000 + "b.jpg,Cézanne\n").encode("latin-1"))
    with pytest.raises(ConvertError, match=r"t\.csv is not written in UTF-8: line 3002 has the byte 0xe9; save it as"):
        contents(path)
    assert contents(path, encoding="latin-1")[-1] == ("b.jpg", "Cézanne")
    with pytest.raises(ConvertError, match=r"t\.csv is not written in UTF-16: .* does not start with BOM; name its"):
        contents(path, encoding="utf-16")


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "hex", "undefined", "a\0b"])
def test_what_is_no_encoding_of_text_is_refused(tmp_path, encoding):
    with pytest.raises(ConvertError, match=r"the encoding '.*' is unknown; use one such as utf-8 or latin-1"):
        open_table(write(tmp_path / "t.csv", "a,b"), encoding=encoding)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "", r"t\.csv is empty; its first line must name the columns"),
        ("t.csv", "\n , \n", r"t\.csv is empty"),
        ("t.csv", "a,b,a\n1,2,3\n", r"several columns named 'a'; rename them"),
        ("t.csv", 'a,b\n1,"2\n3,4\n5,6\n', r"cannot be read at line 4: .* a quotation mark that is never closed"),
        ("t.csv", f"a,b\n1,{'x' * 200_000}\n", r"cannot be read at line 2: field larger than field limit"),
        ("t.csv", "a,b\n1,2\n".encode("utf-16"), r"t\.csv is written in UTF-16; save it as UTF-8"),
        ("t.csv", b"PK\x03\x04...", r"t\.csv is an archive or a spreadsheet; save the sheet as CSV"),
        ("t.jsonl", "\n", r"t\.jsonl holds no JSON objects; write one a line"),
        ("t.jsonl", "[1, 2]\n", r"t\.jsonl holds no JSON objects"),
        ("t.parquet", b"PAR1 not really PAR1", r"t\.parquet cannot be read as Parquet"),
        ("t.xlsx", b"PK", r"t\.xlsx cannot be read as a table; save the sheet as CSV"),
        ("t.json", "[]", r"t\.json cannot be read as a table; write one JSON object a line"),
        ("t.txt", "a b", r"t\.txt cannot be read as a table; give a table whose name ends with \.csv"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(tmp_path, name, content, message):
    with pytest.raises(ConvertError, match=message):
        contents(write(tmp_path / name, content))


def test_a_line_without_end_is_refused(tmp_path):
    path = write(tmp_path / "t.jsonl", b'{"a": "' + b"x" * (1 << 24) + b'"}\n')
    with pytest.raises(ConvertError, match="has a line of more than 16 million letters"):
        contents(path)


def test_a_missing_table_and_a_folder_are_refused(tmp_path):
    with pytest.raises(ConvertError, match=r"t\.csv cannot be read: No such file or directory"):
        open_table(tmp_path / "t.csv")
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(ConvertError, match=r"t\.csv cannot be read: Is a directory"):
        open_table(tmp_path / "t.csv")
