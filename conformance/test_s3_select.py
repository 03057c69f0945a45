"""SelectObjectContent: CSV, JSON and Parquet, packed or not, with boto3's event stream."""

import bz2
import gzip
import pathlib

import pytest
from botocore.exceptions import ClientError, EventStreamError

import expect
from expect import fails

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "engines/select/tests/vectors"

PEOPLE = b"name,age,city\nann,30,Oslo\nbob,25,Rome\n\"c, d\",41,\n"


@pytest.fixture(scope="module")
def bucket(client):
    name = expect.name("select").lower()
    client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def select(client, bucket):
    """select(sql, body, **parameters) puts an object and gives the records, the events and the stats of the answer."""
    s3 = client("s3")

    def run(sql, body, source=None, to=None, packed="NONE", key="object", **parameters):
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        answer = s3.select_object_content(
            Bucket=bucket,
            Key=key,
            Expression=sql,
            ExpressionType="SQL",
            InputSerialization={**(source or {"CSV": {}}), "CompressionType": packed},
            OutputSerialization=to or {"CSV": {}},
            **parameters,
        )
        events = list(answer["Payload"])
        assert list(events[-1]) == ["End"]
        records = b"".join(event["Records"]["Payload"] for event in events if "Records" in event)
        stats = [event["Stats"]["Details"] for event in events if "Stats" in event]
        return records.decode(), events, stats[0]

    return run


HEADER = {"CSV": {"FileHeaderInfo": "USE"}}
LINES = {"JSON": {"Type": "LINES"}}
DOCUMENT = {"JSON": {"Type": "DOCUMENT"}}
JSON = {"JSON": {}}


def test_csv(select):
    records, events, stats = select("SELECT s.name FROM S3Object s WHERE CAST(s.age AS INT) > 26", PEOPLE, HEADER)
    assert records == 'ann\n"c, d"\n'
    assert [list(event)[0] for event in events] == ["Records", "Stats", "End"]
    assert stats == {"BytesScanned": len(PEOPLE), "BytesProcessed": len(PEOPLE), "BytesReturned": len(records)}


def test_words_count_in_any_case(select):
    source = {"CSV": {"FileHeaderInfo": "Use"}}
    assert select("SELECT name FROM S3Object LIMIT 1", PEOPLE, source)[0] == "ann\n"


def test_csv_to_json(select):
    records = select("SELECT * FROM S3Object", PEOPLE, HEADER, JSON)[0]
    assert records.splitlines()[0] == '{"name":"ann","age":"30","city":"Oslo"}'


@pytest.mark.parametrize(
    "source, to, body, expected",
    [
        ({"FieldDelimiter": "\t"}, {}, "a\tb,c\n", 'a,"b,c"\n'),
        ({"FieldDelimiter": " "}, {}, "a b\n", "a,b\n"),
        ({"FieldDelimiter": "╦"}, {}, "a╦b\n", "a,b\n"),
        ({"RecordDelimiter": ";"}, {"RecordDelimiter": "|"}, "a;b", "a|b|"),
        ({"RecordDelimiter": "\n"}, {"RecordDelimiter": "\n"}, "a\nb\n", "a\nb\n"),
        ({"QuoteCharacter": "'"}, {"QuoteFields": "ALWAYS"}, "'a,b',c\n", '"a,b","c"\n'),
        ({"QuoteEscapeCharacter": "\\"}, {}, '"a\\"b"\n', '"a""b"\n'),
        ({"Comments": "%"}, {}, "%a\n#b\n", "#b\n"),
        ({"AllowQuotedRecordDelimiter": True}, {"QuoteFields": "ASNEEDED"}, '"a\nb",c\n', '"a\nb",c\n'),
    ],
)
def test_dialects(select, source, to, body, expected):
    assert select("SELECT * FROM S3Object", body.encode(), {"CSV": source}, {"CSV": to})[0] == expected


def test_json_lines_and_documents(select):
    body = b'{"a": {"b": [1, 2]}}\n{"a": {"b": []}}\n'
    assert select("SELECT s.a.b[1] AS x FROM S3Object s", body, LINES, JSON)[0] == '{"x":2}\n{}\n'
    assert select("SELECT * FROM S3Object[*].a.b[*] b", body, DOCUMENT, JSON)[0] == '{"_1":1}\n{"_1":2}\n{}\n'
    to = {"JSON": {"RecordDelimiter": ","}}
    assert select("SELECT COUNT(*) AS n FROM S3Object", body, LINES, to)[0] == '{"n":2},'


@pytest.mark.parametrize("packed, pack", [("GZIP", gzip.compress), ("BZIP2", bz2.compress)])
def test_packed(select, packed, pack):
    body = pack(PEOPLE * 1000)
    records, _, stats = select("SELECT COUNT(*) FROM S3Object", body, packed=packed)
    assert records == "4000\n"
    assert (stats["BytesScanned"], stats["BytesProcessed"]) == (len(body), len(PEOPLE) * 1000)


@pytest.mark.parametrize("name", ["pyarrow_snappy.parquet", "pyarrow_gzip_v2.parquet"])
def test_parquet(select, name):
    body = (VECTORS / name).read_bytes()
    sql = "SELECT id, city, price FROM S3Object s WHERE s.city = 'Oslo'"
    assert select(sql, body, {"Parquet": {}})[0] == "1,Oslo,12.50\n4,Oslo,99999999.99\n"
    nested = select("SELECT tags FROM S3Object LIMIT 1", body, {"Parquet": {}}, JSON)[0]
    assert nested == '{"tags":["x","y"]}\n'


def test_progress_is_told_to_who_asks(select):
    _, events, stats = select("SELECT * FROM S3Object", PEOPLE, RequestProgress={"Enabled": True})
    progress = [event["Progress"]["Details"] for event in events if "Progress" in event]
    assert progress[-1] == stats


def test_scan_ranges(select):
    body = b"A,B\nC,D\nD,E\nE,F\nG,H\nI,J\n"
    assert select("SELECT * FROM S3Object", body, ScanRange={"Start": 1, "End": 4})[0] == "C,D\n"
    assert select("SELECT * FROM S3Object", body, ScanRange={"End": 4})[0] == "I,J\n"
    assert select("SELECT * FROM S3Object", body, ScanRange={"Start": 17})[0] == "I,J\n"
    with fails("InvalidScanRange"):
        select("SELECT * FROM S3Object", body, ScanRange={"Start": 5, "End": 1})
    with fails("UnsupportedScanRangeInput"):
        select("SELECT * FROM S3Object", body, DOCUMENT, ScanRange={"Start": 0})


def test_large_answers_come_in_many_events(select):
    body = b"".join(b"%d,some text that is long enough\n" % line for line in range(100_000))
    records, events, stats = select("SELECT * FROM S3Object", body)
    assert records.encode() == body
    assert sum("Records" in event for event in events) > 10
    assert stats["BytesReturned"] == len(body)


@pytest.mark.parametrize(
    "sql, code, message",
    [
        ("SELECT", "ParseEmptySelect", None),
        (
            "SELECT name FROM S3Object",
            "InvalidColumnIndex",
            "The column index at line 1, column 8 is invalid. Please check the service documentation and try again.",
        ),
        (
            "SELECT a.x FROM S3Object a",
            "MissingHeaders",
            "Some headers in the query are missing from the file. Please check the file and try again.",
        ),
        (
            "SELECT _1 FROM S3Object GROUP BY _1 ORDER BY _1",
            "ParseUnexpectedToken",
            "Unexpected token found KEYWORD:UNKNOWN at line 1, column 37.",
        ),
        ("SELECT CAST(_1 AS INT) FROM S3Object", "CastFailed", None),
        ("SELECT REVERSE(_1) FROM S3Object", "UnsupportedFunction", None),
        ("SELECT _1 FROM S3Object, S3Object", "MultipleDataSourcesUnsupported", None),
    ],
)
def test_mistakes_in_the_query(select, sql, code, message):
    with fails(code, message):
        select(sql, PEOPLE)


def test_mistakes_in_the_object(select):
    with fails("InvalidCompressionFormat"):
        select("SELECT * FROM S3Object", PEOPLE, packed="GZIP")
    with fails("TruncatedInput"):
        select("SELECT * FROM S3Object", gzip.compress(PEOPLE)[:-6], packed="GZIP")
    with fails("JSONParsingError", "Error parsing JSON file. Please check the file and try again."):
        select("SELECT * FROM S3Object", PEOPLE, LINES)
    with fails("ParquetParsingError"):
        select("SELECT * FROM S3Object", PEOPLE, {"Parquet": {}})
    with fails("InvalidTextEncoding"):
        select("SELECT * FROM S3Object", gzip.compress(PEOPLE))
    with fails("OverMaxRecordSize"):
        select("SELECT * FROM S3Object", b"x" * 1_100_000)


def test_mistakes_in_the_request(select):
    with fails("InvalidJsonType", "The LINE jsonType is invalid. Please check the service documentation and try again."):
        select("SELECT * FROM S3Object", PEOPLE, {"JSON": {"Type": "LINE"}})
    with fails("InvalidFileHeaderInfo"):
        select("SELECT * FROM S3Object", PEOPLE, {"CSV": {"FileHeaderInfo": "MAYBE"}})
    with fails("ObjectSerializationConflict"):
        select("SELECT * FROM S3Object", PEOPLE, {**HEADER, **LINES})
    with fails("MissingRequiredParameter"):
        select("SELECT * FROM S3Object", PEOPLE, {"JSON": {}})


def test_what_goes_wrong_late_is_an_error_in_the_stream(client, bucket):
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key="late", Body=b"1\n" * 200_000 + b"last\n")
    answer = s3.select_object_content(
        Bucket=bucket,
        Key="late",
        Expression="SELECT CAST(_1 AS INT) FROM S3Object",
        ExpressionType="SQL",
        InputSerialization={"CSV": {}},
        OutputSerialization={"CSV": {}},
    )
    with pytest.raises(EventStreamError) as caught:
        list(answer["Payload"])
    assert caught.value.response["Error"]["Code"] == "CastFailed"


def test_missing_objects_and_others_objects(client, bucket, account, select):
    parameters = {
        "Bucket": bucket,
        "Expression": "SELECT * FROM S3Object",
        "ExpressionType": "SQL",
        "InputSerialization": {"CSV": {}},
        "OutputSerialization": {"CSV": {}},
    }
    with fails("NoSuchKey", status=404):
        client("s3").select_object_content(Key="nothing", **parameters)
    select("SELECT * FROM S3Object", PEOPLE)
    with fails("AccessDenied", status=403):
        client("s3", account=account).select_object_content(Key="object", **parameters)


def test_archived_objects(client, bucket):
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key="cold", Body=PEOPLE, StorageClass="GLACIER")
    with pytest.raises(ClientError) as caught:
        s3.select_object_content(
            Bucket=bucket,
            Key="cold",
            Expression="SELECT * FROM S3Object",
            ExpressionType="SQL",
            InputSerialization={"CSV": {}},
            OutputSerialization={"CSV": {}},
        )
    assert caught.value.response["Error"]["Code"] == "UnsupportedStorageClass"
