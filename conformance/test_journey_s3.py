"""What the user of an object store does, with the stock CLI: buckets, folders, sharing, versions, rules, a website."""

import json
import time
import urllib.error
import urllib.request

import pytest

import cli
import expect
import servers_cli

OURS, PARTNERS, STRANGERS = "410987654321", "420987654321", "430987654321"


@pytest.fixture(scope="module")
def aws(server):
    path, why_not = cli.version_1()
    if path is None:
        pytest.skip(why_not)
    return servers_cli.Shell(server, path)


@pytest.fixture
def ours(aws):
    return aws.root(OURS)


@pytest.fixture
def made(ours):
    name = expect.name(prefix="journey")
    ours.text("s3", "mb", f"s3://{name}")
    return name


def fetch(url, host=None, method="GET"):
    """Status, headers and body of a plain request, without following redirects."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    request = urllib.request.Request(url, method=method, headers={"Host": host} if host else {})
    try:
        with urllib.request.build_opener(Stay).open(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def policy(bucket, **statement):
    document = {"Effect": "Allow", "Resource": f"arn:aws:s3:::{bucket}/*", **statement}
    return json.dumps({"Version": "2012-10-17", "Statement": [document]})


def public(ours, bucket):
    """Lets everybody read: the block of public access has to go first."""
    ours("s3api", "delete-public-access-block", "--bucket", bucket)
    ours("s3api", "put-bucket-policy", "--bucket", bucket, "--policy", policy(bucket, Principal="*", Action="s3:GetObject"))


def test_a_folder_goes_there_and_back(ours, made, tmp_path):
    folder = tmp_path / "myfolder"
    (folder / "sub").mkdir(parents=True)
    (folder / "one.txt").write_text("one")
    (folder / "sub" / "two.bin").write_bytes(b"2" * (9 * 1024 * 1024))
    ours.text("s3", "cp", str(folder), f"s3://{made}/myfolder", "--recursive")
    listed = ours.text("s3", "ls", f"s3://{made}", "--recursive", "--summarize")
    assert "myfolder/one.txt" in listed and "myfolder/sub/two.bin" in listed and "Total Objects: 2" in listed
    (folder / "one.txt").write_text("one more")
    synced = ours.text("s3", "sync", str(folder), f"s3://{made}/myfolder")
    assert "one.txt" in synced and "two.bin" not in synced
    ours.text("s3", "sync", f"s3://{made}/myfolder", str(tmp_path / "back"))
    assert (tmp_path / "back" / "one.txt").read_text() == "one more"
    assert (tmp_path / "back" / "sub" / "two.bin").read_bytes() == b"2" * (9 * 1024 * 1024)
    (folder / "one.txt").unlink()
    ours.text("s3", "sync", str(folder), f"s3://{made}/myfolder", "--delete")
    assert "one.txt" not in ours.text("s3", "ls", f"s3://{made}", "--recursive")
    ours.text("s3", "mv", f"s3://{made}/myfolder/sub/two.bin", f"s3://{made}/moved.bin")
    ours.text("s3", "rb", f"s3://{made}", "--force")
    assert made not in ours.text("s3", "ls")


def test_a_presigned_link_opens_for_those_who_have_it(ours, made, tmp_path, server):
    (tmp_path / "f").write_text("for you alone")
    ours.text("s3", "cp", str(tmp_path / "f"), f"s3://{made}/f")
    assert fetch(f"{server.endpoint}/{made}/f")[0] == 403
    link = ours.text("s3", "presign", f"s3://{made}/f", "--expires-in", "60").strip()
    assert fetch(link)[::2] == (200, "for you alone")
    assert fetch(link.replace(f"/{made}/f", f"/{made}/g"))[0] == 403


def test_everybody_reads_a_public_bucket_and_nobody_writes(ours, made, tmp_path, server):
    (tmp_path / "f").write_text("for all")
    ours.text("s3", "cp", str(tmp_path / "f"), f"s3://{made}/f")
    refused = ours.refused(
        "s3api", "put-bucket-policy", "--bucket", made, "--policy", policy(made, Principal="*", Action="s3:GetObject")
    )
    assert "AccessDenied" in refused and "BlockPublicPolicy" in refused
    public(ours, made)
    assert fetch(f"{server.endpoint}/{made}/f")[::2] == (200, "for all")
    assert ours("s3api", "get-bucket-policy-status", "--bucket", made)["PolicyStatus"]["IsPublic"] is True
    assert fetch(f"{server.endpoint}/{made}")[0] == 403
    assert fetch(f"{server.endpoint}/{made}/g", method="PUT")[0] == 403


def test_two_accounts_share_a_bucket_and_a_third_is_refused(aws, ours, made, tmp_path):
    (tmp_path / "f").write_text("shared")
    ours.text("s3", "cp", str(tmp_path / "f"), f"s3://{made}/f")
    partner = {"AWS": f"arn:aws:iam::{PARTNERS}:root"}
    ours("s3api", "put-bucket-policy", "--bucket", made, "--policy", policy(made, Principal=partner, Action="s3:*Object"))
    partners, strangers = aws.root(PARTNERS), aws.root(STRANGERS)
    partners.text("s3", "cp", f"s3://{made}/f", str(tmp_path / "g"))
    assert (tmp_path / "g").read_text() == "shared"
    partners.text("s3", "cp", str(tmp_path / "g"), f"s3://{made}/theirs")
    assert ours("s3api", "head-object", "--bucket", made, "--key", "theirs")["ContentLength"] == 6
    assert "403" in strangers.refused("s3", "cp", f"s3://{made}/f", str(tmp_path / "h"))
    assert "AccessDenied" in partners.refused("s3", "ls", f"s3://{made}")


def test_what_was_deleted_by_accident_comes_back(ours, made, tmp_path):
    ours("s3api", "put-bucket-versioning", "--bucket", made, "--versioning-configuration", "Status=Enabled")
    for text in ("first", "second"):
        (tmp_path / "f").write_text(text)
        ours.text("s3", "cp", str(tmp_path / "f"), f"s3://{made}/f")
    ours.text("s3", "rm", f"s3://{made}/f")
    assert "404" in ours.refused("s3", "cp", f"s3://{made}/f", str(tmp_path / "g"))
    found = ours("s3api", "list-object-versions", "--bucket", made)
    marker = found["DeleteMarkers"][0]["VersionId"]
    ours("s3api", "delete-object", "--bucket", made, "--key", "f", "--version-id", marker)
    ours.text("s3", "cp", f"s3://{made}/f", str(tmp_path / "g"))
    assert (tmp_path / "g").read_text() == "second"
    old = next(version["VersionId"] for version in found["Versions"] if not version["IsLatest"] and version["Size"] == 5)
    ours("s3api", "get-object", "--bucket", made, "--key", "f", "--version-id", old, str(tmp_path / "h"))
    assert (tmp_path / "h").read_text() == "first"


def test_logs_are_archived_after_7_days_and_gone_after_2600(aws, ours, made, tmp_path):
    rules = {
        "Rules": [
            {
                "ID": "logs",
                "Filter": {"Prefix": "logs/"},
                "Status": "Enabled",
                "Transitions": [{"Days": 7, "StorageClass": "GLACIER"}],
                "Expiration": {"Days": 2600},
            }
        ]
    }
    ours(
        "s3api", "put-bucket-lifecycle-configuration", "--bucket", made, "--lifecycle-configuration", json.dumps(rules)
    )
    (tmp_path / "log").write_bytes(b"x" * 200_000)
    ours.text("s3", "cp", str(tmp_path / "log"), f"s3://{made}/logs/1")
    ours.text("s3", "cp", str(tmp_path / "log"), f"s3://{made}/other/1")
    at = ("--bucket", made, "--key", "logs/1")
    assert 'rule-id="logs"' in ours("s3api", "head-object", *at)["Expiration"]
    aws.fogbank("clock", "advance", "8d")
    found = aws.until(lambda: ours("s3api", "head-object", *at), lambda head: head.get("StorageClass") == "GLACIER")
    assert found["StorageClass"] == "GLACIER"
    assert "InvalidObjectState" in ours.refused("s3api", "get-object", *at, str(tmp_path / "back"))
    ours("s3api", "restore-object", *at, "--restore-request", "Days=1")
    assert ours("s3api", "head-object", *at)["Restore"] == 'ongoing-request="true"'
    aws.fogbank("clock", "advance", "5h")
    ours("s3api", "get-object", *at, str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == b"x" * 200_000
    aws.fogbank("clock", "advance", "2593d")
    listed = aws.until(
        lambda: ours.text("s3", "ls", f"s3://{made}", "--recursive"), lambda listed: "logs/1" not in listed
    )
    assert "logs/1" not in listed and "other/1" in listed


def test_a_website_has_an_index_redirects_and_pages_for_errors(ours, made, tmp_path, server):
    pages = {"index.html": "<h1>home</h1>", "sorry.html": "<h1>sorry</h1>", "docs/index.html": "<h1>docs</h1>"}
    for key, html in pages.items():
        (tmp_path / "page").write_text(html)
        ours.text("s3", "cp", str(tmp_path / "page"), f"s3://{made}/{key}", "--content-type", "text/html")
    (tmp_path / "page").write_text("")
    ours(
        *("s3api", "put-object", "--bucket", made, "--key", "old", "--website-redirect-location", "/docs/"),
        *("--body", str(tmp_path / "page")),
    )
    host = f"{made}.s3-website.localhost:{server.port}"

    def visit(path, method="GET"):
        status, headers, body = fetch(server.endpoint + path, host, method)
        return status, headers.get("Location"), body, headers

    assert visit("/")[0] == 404
    ours.text("s3", "website", f"s3://{made}", "--index-document", "index.html", "--error-document", "sorry.html")
    private = visit("/")
    assert private[0] == 403 and "<li>Code: AccessDenied</li>" in private[2]
    public(ours, made)
    assert visit("/")[::2][:2] == (200, "<h1>home</h1>")
    assert visit("/docs/")[2] == "<h1>docs</h1>"
    assert visit("/docs")[:2] == (302, "/docs/")
    assert visit("/old")[:2] == (301, "/docs/")
    missing = visit("/missing")
    assert missing[0] in (403, 404) and missing[2] == "<h1>sorry</h1>"
    head = visit("/", "HEAD")
    assert head[0] == 200 and head[2] == "" and head[3]["Content-Length"] == "13"
    assert visit("/", "POST")[0] == 405
    configuration = {
        "IndexDocument": {"Suffix": "index.html"},
        "RoutingRules": [
            {"Condition": {"KeyPrefixEquals": "guide/"}, "Redirect": {"ReplaceKeyPrefixWith": "docs/"}},
            {"Condition": {"HttpErrorCodeReturnedEquals": "403"}, "Redirect": {"ReplaceKeyWith": "sorry.html"}},
        ],
    }
    ours("s3api", "put-bucket-website", "--bucket", made, "--website-configuration", json.dumps(configuration))
    assert visit("/guide/x")[:2] == (301, f"http://{host}/docs/x")
    elsewhere = {"RedirectAllRequestsTo": {"HostName": "www.example.com", "Protocol": "https"}}
    ours("s3api", "put-bucket-website", "--bucket", made, "--website-configuration", json.dumps(elsewhere))
    assert visit("/a/b")[:2] == (301, "https://www.example.com/a/b")
    gone = fetch(server.endpoint + "/", f"no-such-{made[:40]}.s3-website.localhost:{server.port}")
    assert gone[0] == 404 and "<li>Code: NoSuchBucket</li>" in gone[2]


def test_a_queue_hears_of_what_happens_to_objects(ours, made, tmp_path):
    queue = expect.name()
    url = ours("sqs", "create-queue", "--queue-name", queue)["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{OURS}:{queue}"
    rules = {
        "QueueConfigurations": [
            {
                "Id": "images",
                "QueueArn": arn,
                "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".jpg"}]}},
            }
        ]
    }
    put = ("s3api", "put-bucket-notification-configuration", "--bucket", made)
    put += ("--notification-configuration", json.dumps(rules))
    assert "Unable to validate the following destination configurations" in ours.refused(*put)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:*:*:{made}"},
            "StringEquals": {"aws:SourceAccount": OURS},
        },
    }
    attributes = {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}
    ours("sqs", "set-queue-attributes", "--queue-url", url, "--attributes", json.dumps(attributes))
    ours(*put)
    (tmp_path / "f").write_text("grey")
    ours.text("s3", "cp", str(tmp_path / "f"), f"s3://{made}/a cat.jpg")
    ours.text("s3", "cp", str(tmp_path / "f"), f"s3://{made}/a cat.png")
    ours.text("s3", "rm", f"s3://{made}/a cat.jpg")
    heard, end = [], time.monotonic() + 20
    while len(heard) < 3 and time.monotonic() < end:
        answer = ours("sqs", "receive-message", "--queue-url", url, "--max-number-of-messages", "10")
        heard += [json.loads(message["Body"]) for message in (answer or {}).get("Messages", [])]
    assert sorted(message["Event"] for message in heard if "Event" in message) == ["s3:TestEvent"]
    records = sorted((message["Records"][0] for message in heard if "Records" in message), key=lambda r: r["eventName"])
    assert [record["eventName"] for record in records] == ["ObjectCreated:Put", "ObjectRemoved:Delete"]
    assert all(record["s3"]["object"]["key"] == "a+cat.jpg" for record in records)
    assert records[0]["s3"]["object"]["size"] == 4 and records[0]["s3"]["configurationId"] == "images"
    sequencers = [record["s3"]["object"]["sequencer"] for record in records]
    assert sequencers == sorted(sequencers)
