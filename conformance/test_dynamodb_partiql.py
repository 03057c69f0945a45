"""PartiQL: statements one by one, in batches and in transactions."""

import pytest

import dynamodb_tables as tables
from expect import fails

MALFORMED = "Statement wasn't well formed, can't be processed: "
NO_KEY = "Where clause does not contain a mandatory equality on all key attributes"


@pytest.fixture(scope="module")
def table(dynamodb):
    return tables.create(
        dynamodb,
        partition=("Artist", "S"),
        sort=("SongTitle", "S"),
        globals=[tables.index("by-genre", ("Genre", "S"), ("Year", "N"))],
    )


@pytest.fixture
def run(dynamodb, table):
    """run(statement, *parameters, **more): `{table}` stands for the table's name; answers the items."""

    def execute(statement, *parameters, **more):
        if parameters:
            more["Parameters"] = [tables.value(one) for one in parameters]
        return dynamodb.execute_statement(Statement=statement.replace("{table}", f'"{table}"'), **more)

    return execute


@pytest.fixture
def songs(dynamodb, table):
    """Three songs of one artist, as every test finds them."""
    found = [
        tables.item(Artist="Acme", SongTitle=f"Song {n}", Year=2000 + n, Genre="Rock", Awards={"Grammys": [n, n + 1]})
        for n in range(3)
    ]
    for one in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={k: one[k] for k in ("Artist", "SongTitle")})
    tables.fill(dynamodb, table, found)
    return found


def titles(answer):
    return [one["SongTitle"]["S"] for one in answer["Items"]]


# ---- INSERT -----------------------------------------------------------------------------------------


def test_insert_of_every_literal(dynamodb, table, run):
    answer = run(
        """INSERT INTO {table} VALUE {'Artist': 'Types', 'SongTitle': 'It''s', 'number': -1.5e2, 'yes': true, 'no': FALSE,
        'nothing': null, 'list': [1, 'a', []], 'map': {'in': {}}, 'strings': <<'a', 'b'>>, 'numbers': <<1, 2>>}"""
    )
    assert answer["Items"] == []
    found = tables.get(dynamodb, table, Artist="Types", SongTitle="It's")
    found["strings"]["SS"].sort()
    found["numbers"]["NS"].sort()
    assert found == tables.item(
        Artist="Types",
        SongTitle="It's",
        number=-150,
        yes=True,
        no=False,
        nothing=None,
        list=[1, "a", []],
        map={"in": {}},
        strings={"SS": ["a", "b"]},
        numbers={"NS": ["1", "2"]},
    )


def test_insert_by_parameters(dynamodb, table, run):
    run("INSERT INTO {table} value {'Artist': ?, 'SongTitle': ?, 'b': ?}", "P", "1", b"\x00")
    assert tables.get(dynamodb, table, Artist="P", SongTitle="1")["b"] == {"B": b"\x00"}


def test_an_item_is_inserted_once(run, songs):
    with fails("DuplicateItemException", "Duplicate primary key exists in table"):
        run("INSERT INTO {table} VALUE {'Artist': 'Acme', 'SongTitle': 'Song 1'}")


# ---- SELECT -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where, found",
    [
        ("Artist = 'Acme'", [0, 1, 2]),
        ("Artist = 'Acme' AND SongTitle = 'Song 1'", [1]),
        ("Artist='Acme' and SongTitle > 'Song 0'", [1, 2]),
        ("Artist = 'Acme' AND SongTitle BETWEEN 'Song 1' AND 'Song 2'", [1, 2]),
        ("Artist = 'Acme' AND begins_with(SongTitle, 'Song')", [0, 1, 2]),
        ("Artist = 'Acme' AND \"Year\" >= 2001", [1, 2]),
        ("Artist IN ['Acme', 'Nobody']", [0, 1, 2]),
        ("Artist IN ('Acme')", [0, 1, 2]),
        ("Artist = 'Acme' OR Artist = 'Nobody'", [0, 1, 2]),
        ("\"Year\" IN [2000, 2002]", [0, 2]),
        ("\"Year\" NOT IN [2000, 2002]", [1]),
        ("NOT \"Year\" = 2000 AND Genre <> 'Jazz'", [1, 2]),
        ("Awards.Grammys[0] = 2", [2]),
        ("contains(Genre, 'oc')", [0, 1, 2]),
        ("attribute_type(Awards, 'M') AND \"Year\" = 2000 + 1", [1]),
        ("size(Genre) = 4 AND \"Year\" < 2001", [0]),
        ("Plays IS MISSING AND Genre IS NOT MISSING", [0, 1, 2]),
        ("Genre IS NULL", []),
        ("(\"Year\" = 2000 OR \"Year\" = 2001) AND Artist = 'Acme'", [0, 1]),
    ],
)
def test_where(run, songs, where, found):
    answer = run(f"SELECT * FROM {{table}} WHERE {where}", ConsistentRead=True)
    assert sorted(titles(answer)) == [f"Song {n}" for n in found]


def test_parameters_take_the_places_in_order(run, songs):
    answer = run("SELECT * FROM {table} WHERE Artist = ? AND SongTitle = ?", "Acme", "Song 2")
    assert answer["Items"] == [songs[2]]


def test_columns_are_called_by_their_last_name(run, songs):
    answer = run(
        "SELECT SongTitle, Awards.Grammys[1], Awards.Grammys, Absent FROM {table} "
        "WHERE Artist='Acme' AND SongTitle='Song 1'"
    )
    assert answer["Items"] == [
        {"SongTitle": {"S": "Song 1"}, "Grammys[1]": {"N": "2"}, "Grammys": {"L": [{"N": "1"}, {"N": "2"}]}}
    ]


def test_order_by_keys(run, songs):
    assert titles(run("SELECT * FROM {table} WHERE Artist = 'Acme' ORDER BY SongTitle DESC")) == [
        "Song 2",
        "Song 1",
        "Song 0",
    ]
    assert titles(run("SELECT * FROM {table} WHERE Artist = 'Acme' ORDER BY SongTitle ASC"))[0] == "Song 0"


def test_indexes_are_named_behind_the_table(run, songs, table):
    answer = run('SELECT SongTitle FROM {table}."by-genre" WHERE Genre = \'Rock\' AND "Year" > 2000 ORDER BY "Year" DESC')
    assert titles(answer) == ["Song 2", "Song 1"]
    with fails("ValidationException", "Consistent reads are not supported on global secondary indexes"):
        run("SELECT * FROM {table}.\"by-genre\" WHERE Genre = 'Rock'", ConsistentRead=True)


def test_pages_of_a_select(dynamodb, run, songs):
    seen, token = [], None
    while True:
        more = {"NextToken": token} if token else {}
        answer = run("SELECT * FROM {table} WHERE Artist = 'Acme'", Limit=1, **more)
        seen += titles(answer)
        token = answer.get("NextToken")
        if token is None:
            break
        assert "LastEvaluatedKey" in answer
    assert seen == ["Song 0", "Song 1", "Song 2"]


def test_comments_and_semicolons_are_no_matter(run, songs):
    answer = run("select * -- all\n from {table} /* here */ where Artist = 'Acme' and SongTitle = 'Song 0';")
    assert titles(answer) == ["Song 0"]


# ---- UPDATE -----------------------------------------------------------------------------------------

ONE = "WHERE Artist='Acme' AND SongTitle='Song 0'"


@pytest.mark.parametrize(
    "changes, path, after",
    [
        ("SET Plays = 1", "Plays", {"N": "1"}),
        ("SET \"Year\" = \"Year\" + 10", "Year", {"N": "2010"}),
        ("SET \"Year\" = \"Year\" - 1 SET Other = 'x'", "Year", {"N": "1999"}),
        ("SET Awards.More = [1]", "Awards", {"M": {"Grammys": {"L": [{"N": "0"}, {"N": "1"}]}, "More": {"L": [{"N": "1"}]}}}),
        (
            "SET Awards.Grammys = list_append(Awards.Grammys, [7])",
            "Awards",
            {"M": {"Grammys": {"L": [{"N": "0"}, {"N": "1"}, {"N": "7"}]}}},
        ),
        ("REMOVE Awards.Grammys[0]", "Awards", {"M": {"Grammys": {"L": [{"N": "1"}]}}}),
        ("REMOVE Awards SET Plays = 2", "Awards", None),
        ("SET Band = <<'a'>>", "Band", {"SS": ["a"]}),
        ("SET Band = set_add(Band, <<'b'>>)", "Band", {"SS": ["b"]}),
        ("SET Band = SET_DELETE(Band, <<'b'>>)", "Band", None),
        ("SET A = 1, B = 2", "B", {"N": "2"}),
    ],
)
def test_updates(dynamodb, table, run, songs, changes, path, after):
    run(f"UPDATE {{table}} {changes} {ONE}")
    assert tables.get(dynamodb, table, Artist="Acme", SongTitle="Song 0").get(path) == after


@pytest.mark.parametrize(
    "returning, expected",
    [
        ("ALL OLD *", {"Artist": "Acme", "SongTitle": "Song 0", "Year": 2000, "Genre": "Rock", "Awards": {"Grammys": [0, 1]}}),
        ("MODIFIED OLD *", {"Year": 2000}),
        ("MODIFIED NEW *", {"Year": 1, "Plays": 1}),
        (
            "ALL NEW *",
            {"Artist": "Acme", "SongTitle": "Song 0", "Year": 1, "Genre": "Rock", "Awards": {"Grammys": [0, 1]}, "Plays": 1},
        ),
    ],
)
def test_returning(run, songs, returning, expected):
    answer = run(f'UPDATE {{table}} SET "Year" = 1 SET Plays = 1 {ONE} RETURNING {returning}')
    assert answer["Items"] == [tables.item(**expected)]


def test_nothing_modified_returns_no_item(run, songs):
    assert run(f"UPDATE {{table}} REMOVE Awards {ONE} RETURNING MODIFIED NEW *")["Items"] == []
    assert run(f"UPDATE {{table}} SET Plays = 1 {ONE} RETURNING MODIFIED OLD *")["Items"] == []


def test_an_update_needs_an_item_that_fits(dynamodb, table, run, songs):
    failed = "The conditional request failed"
    with fails("ConditionalCheckFailedException", failed):
        run("UPDATE {table} SET a = 1 WHERE Artist='Nobody' AND SongTitle='x'")
    assert tables.get(dynamodb, table, Artist="Nobody", SongTitle="x") is None
    with fails("ConditionalCheckFailedException", failed) as seen:
        run(
            f'UPDATE {{table}} SET a = 1 {ONE} AND "Year" = 1',
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert seen[0].response["Item"] == songs[0]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET a = 1 WHERE Artist='Acme'",
        "UPDATE {table} SET a = 1 WHERE Artist='Acme' AND SongTitle > 'a'",
        "DELETE FROM {table} WHERE SongTitle='Song 0'",
        "DELETE FROM {table} WHERE Artist='Acme' OR SongTitle='Song 0'",
    ],
)
def test_a_write_names_one_item(run, songs, statement):
    with fails("ValidationException", NO_KEY):
        run(statement)


# ---- DELETE -----------------------------------------------------------------------------------------


def test_delete(dynamodb, table, run, songs):
    assert run(f"DELETE FROM {{table}} {ONE} RETURNING ALL OLD *")["Items"] == [songs[0]]
    assert tables.get(dynamodb, table, Artist="Acme", SongTitle="Song 0") is None
    assert run(f"DELETE FROM {{table}} {ONE} RETURNING ALL OLD *")["Items"] == []
    with fails("ConditionalCheckFailedException", "The conditional request failed"):
        run("DELETE FROM {table} WHERE Artist='Acme' AND SongTitle='Song 1' AND \"Year\" = 7")
    with fails("ValidationException"):
        run("DELETE FROM {table} WHERE Artist='Acme' AND SongTitle='Song 1' RETURNING ALL NEW *")


# ---- what is no statement -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement, message",
    [
        ("UPDATE Music-Table SET a = 1", MALFORMED + "Expected data manipulation"),
        ("INSERT INTO urls (key, value) VALUES (?, ?)", MALFORMED + "Unexpected keyword"),
        ("SELECT payload.size FROM t", MALFORMED + "Invalid path dot component"),
        ("SELECT * FROM (SELECT * FROM t LIMIT 1) AS x", None),
        ("SELECT * t", MALFORMED + "Expected FROM after SELECT list"),
        ("DELETE t WHERE a = 1", MALFORMED + "Expected FROM after DELETE"),
        ("SELECT * FROM t; SELECT * FROM t", None),
        ("SELECT * FROM t WHERE a = 1 garbage", MALFORMED + "Unexpected token after expression"),
        ("SELECT * FROM t ORDER BY a", "Must have WHERE clause in the statement when using ORDER BY clause."),
        ("SELECT * FROM t LIMIT 1", None),
        ("CREATE TABLE t", None),
    ],
)
def test_statements_that_are_none(dynamodb, statement, message):
    with fails("ValidationException", message):
        dynamodb.execute_statement(Statement=statement)


def test_parameters_fit_the_statement(dynamodb, run, songs):
    message = "Number of parameters in request and statement don't match."
    with fails("ValidationException", message):
        run("SELECT * FROM {table} WHERE Artist = ?")
    with fails("ValidationException", message):
        run("SELECT * FROM {table} WHERE Artist = ?", "a", "b")


def test_tables_of_statements_exist(dynamodb):
    with fails("ResourceNotFoundException", "Requested resource not found"):
        dynamodb.execute_statement(Statement='SELECT * FROM "never-made"')


def test_exists_is_for_transactions(run, songs):
    with fails("ValidationException"):
        run(f"EXISTS(SELECT * FROM {{table}} {ONE})")


# ---- batches ------------------------------------------------------------------------------------------


def test_a_batch_answers_for_each_statement(dynamodb, table, songs):
    name = f'"{table}"'
    answer = dynamodb.batch_execute_statement(
        Statements=[
            {"Statement": f"INSERT INTO {name} VALUE {{'Artist': 'B', 'SongTitle': '1'}}"},
            {"Statement": f"INSERT INTO {name} VALUE {{'Artist': 'Acme', 'SongTitle': 'Song 0'}}"},
            {"Statement": f"UPDATE {name} SET a = ? WHERE Artist = 'Acme' AND SongTitle = 'Song 1'", "Parameters": [{"N": "1"}]},
            {"Statement": "not a statement"},
        ]
    )["Responses"]
    assert "Error" not in answer[0] and answer[0]["TableName"] == table
    assert answer[1]["Error"]["Code"] == "DuplicateItem"
    assert "Error" not in answer[2]
    assert answer[3]["Error"]["Code"] == "ValidationError"
    assert answer[3]["Error"]["Message"].startswith(MALFORMED)
    assert tables.get(dynamodb, table, Artist="B", SongTitle="1")

    answer = dynamodb.batch_execute_statement(
        Statements=[
            {"Statement": f"SELECT * FROM {name} WHERE Artist = 'Acme' AND SongTitle = 'Song {n}'"} for n in (0, 9)
        ]
    )["Responses"]
    assert answer[0]["Item"] == songs[0]
    assert "Item" not in answer[1] and "Error" not in answer[1]


def test_a_batch_reads_or_writes(dynamodb, table, songs):
    with fails("ValidationException"):
        dynamodb.batch_execute_statement(
            Statements=[
                {"Statement": f"SELECT * FROM \"{table}\" WHERE Artist = 'Acme' AND SongTitle = 'Song 0'"},
                {"Statement": f"DELETE FROM \"{table}\" WHERE Artist = 'Acme' AND SongTitle = 'Song 0'"},
            ]
        )


# ---- transactions -------------------------------------------------------------------------------------


def test_statements_together(dynamodb, table, songs):
    name = f'"{table}"'
    dynamodb.execute_transaction(
        TransactStatements=[
            {"Statement": f"EXISTS(SELECT * FROM {name} WHERE Artist='Acme' AND SongTitle='Song 0' AND Plays IS MISSING)"},
            {"Statement": f"INSERT INTO {name} VALUE {{'Artist': ?, 'SongTitle': 'T'}}", "Parameters": [{"S": "T"}]},
            {"Statement": f"UPDATE {name} SET Plays = 1 WHERE Artist='Acme' AND SongTitle='Song 1'"},
            {"Statement": f"DELETE FROM {name} WHERE Artist='Acme' AND SongTitle='Song 2'"},
        ]
    )
    assert tables.get(dynamodb, table, Artist="T", SongTitle="T")
    assert tables.get(dynamodb, table, Artist="Acme", SongTitle="Song 1")["Plays"] == {"N": "1"}
    assert tables.get(dynamodb, table, Artist="Acme", SongTitle="Song 2") is None


def test_one_statement_that_fails_cancels_all(dynamodb, table, songs):
    name = f'"{table}"'
    with fails("TransactionCanceledException") as seen:
        dynamodb.execute_transaction(
            TransactStatements=[
                {"Statement": f"DELETE FROM {name} WHERE Artist='Acme' AND SongTitle='Song 2'"},
                {"Statement": f"EXISTS(SELECT * FROM {name} WHERE Artist='Acme' AND SongTitle='Song 0' AND \"Year\" = 1)"},
                {"Statement": f"INSERT INTO {name} VALUE {{'Artist': 'Acme', 'SongTitle': 'Song 1'}}"},
            ]
        )
    assert [one["Code"] for one in seen[0].response["CancellationReasons"]] == [
        "None",
        "ConditionalCheckFailed",
        "DuplicateItem",
    ]
    assert tables.get(dynamodb, table, Artist="Acme", SongTitle="Song 2") == songs[2]


def test_reads_of_one_moment(dynamodb, table, songs):
    answer = dynamodb.execute_transaction(
        TransactStatements=[
            {"Statement": f"SELECT * FROM \"{table}\" WHERE Artist='Acme' AND SongTitle='Song {n}'"} for n in range(2)
        ]
    )
    assert [one["Item"] for one in answer["Responses"]] == songs[:2]


def test_transactions_have_tokens_and_no_returning(dynamodb, table, songs):
    name = f'"{table}"'
    given = {
        "ClientRequestToken": "statement-token-1",
        "TransactStatements": [{"Statement": f"UPDATE {name} SET Plays = 1 {ONE}"}],
    }
    dynamodb.execute_transaction(**given)
    dynamodb.execute_transaction(**given)
    with fails("IdempotentParameterMismatchException"):
        dynamodb.execute_transaction(
            **{**given, "TransactStatements": [{"Statement": f"UPDATE {name} SET Plays = 2 {ONE}"}]}
        )
    with fails("ValidationException"):
        dynamodb.execute_transaction(
            TransactStatements=[{"Statement": f"DELETE FROM {name} {ONE} RETURNING ALL OLD *"}]
        )
    with fails("ResourceNotFoundException"):
        dynamodb.execute_transaction(TransactStatements=[{"Statement": "DELETE FROM nowhere WHERE a = 'x'"}])
