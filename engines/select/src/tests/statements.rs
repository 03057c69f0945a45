//! Whole statements: what they select, from where, and how it is named.

use super::{Code, FileHeaderInfo, JsonType, check, csv_input, csv_output, json_input, json_output, request};

const RULES: &str = r#"{ "Rules": [ {"id": "1"}, {"expr": "y > x"}, {"id": "2", "expr": "z = DEBUG"} ]}
{ "created": "June 27", "modified": "July 6" }
"#;
const FILES: &str = r#"{ "created": "936864000", "dir_name": "important_docs", "files": [ { "name": "." }, { "name": ".." } ], "owner": "Amazon S3" }
{ "created": "936864000", "dir_name": "other_docs", "files": [ { "name": "." }, { "name": "my stuff" } ], "owner": "User" }
"#;
const SUSAN: &str = r#"{"name": "Susan Smith",
"org": "engineering",
"projects":
    [
     {"project_name":"project1", "completed":false},
     {"project_name":"project2", "completed":true}
    ]
}"#;

/// The examples of the page "SELECT command", and some more.
#[test]
fn rows_come_from_the_path_of_from() {
    for (sql, object, expected) in [
        ("SELECT id FROM S3Object[*].Rules[*].id", RULES, "{\"id\":\"1\"}\n{}\n{\"id\":\"2\"}\n{}\n"),
        (
            "SELECT id FROM S3Object[*].Rules[*].id WHERE id IS NOT MISSING",
            RULES,
            "{\"id\":\"1\"}\n{\"id\":\"2\"}\n",
        ),
        (
            "SELECT d.dir_name, d.files FROM S3Object[*] d",
            FILES,
            "{\"dir_name\":\"important_docs\",\"files\":[{\"name\":\".\"},{\"name\":\"..\"}]}\n\
             {\"dir_name\":\"other_docs\",\"files\":[{\"name\":\".\"},{\"name\":\"my stuff\"}]}\n",
        ),
        (
            "SELECT _1.dir_name, _1.owner FROM S3Object[*]",
            FILES,
            "{\"dir_name\":\"important_docs\",\"owner\":\"Amazon S3\"}\n\
             {\"dir_name\":\"other_docs\",\"owner\":\"User\"}\n",
        ),
        ("Select s.name from S3Object s", SUSAN, "{\"name\":\"Susan Smith\"}\n"),
        ("Select s.projects[0].project_name from S3Object s", SUSAN, "{\"project_name\":\"project1\"}\n"),
        ("SELECT s3object.name FROM S3Object", SUSAN, "{\"name\":\"Susan Smith\"}\n"),
        ("SELECT name FROM s3object AS t", SUSAN, "{\"name\":\"Susan Smith\"}\n"),
        (
            "SELECT p.completed FROM S3Object[*].projects[*] p",
            SUSAN,
            "{\"completed\":false}\n{\"completed\":true}\n",
        ),
        ("SELECT _1.completed FROM S3Object[*].projects[1]", SUSAN, "{\"completed\":true}\n"),
        (
            "SELECT completed FROM S3Object[*]['projects'][*]['completed']",
            SUSAN,
            "{\"completed\":false}\n{\"completed\":true}\n",
        ),
        (
            "SELECT * FROM S3Object[*].projects[0]",
            SUSAN,
            "{\"project_name\":\"project1\",\"completed\":false}\n",
        ),
        ("SELECT * FROM S3Object[*].name", SUSAN, "{\"_1\":\"Susan Smith\"}\n"),
        ("SELECT _1 FROM S3Object[*].*", "{\"a\":1,\"b\":[2]}", "{\"_1\":1}\n{\"_1\":[2]}\n"),
        ("SELECT * FROM S3Object[*][*]", "[{\"a\":1},{\"a\":2}]", "{\"a\":1}\n{\"a\":2}\n"),
        ("SELECT * FROM S3Object[*].nothing[*]", SUSAN, "{}\n"),
        ("SELECT * FROM S3Object[*].projects[*].nothing", SUSAN, "{}\n{}\n"),
        (
            "SELECT s.* FROM S3Object s",
            "{ \"a\" : [ 1 , 2 ] , \"b\" : \"x y\" }",
            "{\"a\":[1,2],\"b\":\"x y\"}\n",
        ),
        (
            "SELECT * FROM S3Object",
            "1 \"two\" [3] null {}",
            "{\"_1\":1}\n{\"_1\":\"two\"}\n{\"_1\":[3]}\n{\"_1\":null}\n{}\n",
        ),
    ] {
        check(sql, &request(json_input(JsonType::Document), json_output()), object.as_bytes(), Ok(expected));
    }
}

#[test]
fn columns_are_named_by_alias_path_or_position() {
    for (sql, expected) in [
        ("SELECT 1 FROM S3Object", "{\"_1\":1}\n"),
        (
            "SELECT a, 1 + 1, a AS x, a y, \"a\" AS \"q t\" FROM S3Object",
            "{\"a\":1,\"_2\":2,\"x\":1,\"y\":1,\"q t\":1}\n",
        ),
        ("SELECT l[0], l FROM S3Object", "{\"_1\":5,\"l\":[5]}\n"),
        ("SELECT COUNT(*) FROM S3Object", "{\"_1\":1}\n"),
        ("SELECT COUNT(*) AS c FROM S3Object", "{\"c\":1}\n"),
        ("SELECT o.p.q FROM S3Object", "{\"q\":9}\n"),
        ("select a from s3object -- a comment", "{\"a\":1}\n"),
        ("select /* a comment */ a from s3object;", "{\"a\":1}\n"),
        ("SELECT a\nFROM S3Object\nWHERE a = 1\nLIMIT 5", "{\"a\":1}\n"),
    ] {
        let object = "{\"a\":1,\"l\":[5],\"o\":{\"p\":{\"q\":9}}}";
        check(sql, &request(json_input(JsonType::Lines), json_output()), object.as_bytes(), Ok(expected));
    }
}

#[test]
fn aggregates_see_the_rows_that_pass() {
    let object = "a,1\nb,2\na,3\nc,4\n";
    for (sql, expected) in [
        ("SELECT COUNT(*) FROM S3Object", "4\n"),
        ("SELECT count(*) FROM S3Object s WHERE s._1 = 'a'", "2\n"),
        ("SELECT SUM(CAST(_2 AS INT)) FROM S3Object", "10\n"),
        ("SELECT AVG(CAST(_2 AS INT)) FROM S3Object", "2.5\n"),
        ("SELECT AVG(CAST(_2 AS FLOAT)) FROM S3Object", "2.5\n"),
        ("SELECT MIN(CAST(_2 AS INT)), MAX(CAST(_2 AS DECIMAL)), MIN(_1) FROM S3Object", "1,4,a\n"),
        ("SELECT SUM(CAST(_2 AS INT)) / COUNT(*) FROM S3Object", "2\n"),
        ("SELECT SUM(CAST(_2 AS INT)) FROM S3Object WHERE _1 = 'z'", "\n"),
        ("SELECT COUNT(*), AVG(CAST(_2 AS INT)) FROM S3Object WHERE _1 = 'z'", "0,\n"),
        ("SELECT COUNT(_3) FROM S3Object", "0\n"),
        ("SELECT COUNT(NULLIF(_1, 'a')) FROM S3Object", "2\n"),
        ("SELECT COUNT(*) FROM S3Object LIMIT 2", "4\n"),
        ("SELECT COUNT(*) FROM S3Object LIMIT 0", ""),
        (
            "SELECT SUM(CAST(_3 as INT)) FROM s3object s WHERE _2 LIKE 'example-folder/%' AND _2 != 'example-folder/';",
            "\n",
        ),
    ] {
        let request = request(csv_input(FileHeaderInfo::None), csv_output());
        check(sql, &request, object.as_bytes(), Ok(expected));
    }
    for (sql, code) in [
        ("SELECT SUM(_2) FROM S3Object", Code::ExternalEvalException),
        ("SELECT _1, COUNT(*) FROM S3Object", Code::UnsupportedSqlStructure),
        ("SELECT COUNT(*) + CAST(_2 AS INT) FROM S3Object", Code::UnsupportedSqlStructure),
        ("SELECT SUM(COUNT(*)) FROM S3Object", Code::UnsupportedSqlStructure),
        ("SELECT _1 FROM S3Object WHERE COUNT(*) > 1", Code::UnsupportedSqlStructure),
        ("SELECT SUM(*) FROM S3Object", Code::ParseUnsupportedCallWithStar),
        ("SELECT SUM() FROM S3Object", Code::ParseNonUnaryAgregateFunctionCall),
        ("SELECT SUM(_1, _2) FROM S3Object", Code::ParseNonUnaryAgregateFunctionCall),
        ("SELECT COUNT(DISTINCT _1) FROM S3Object", Code::ParseUnsupportedSyntax),
        ("SELECT SUM(9223372036854775807) FROM S3Object", Code::IntegerOverflow),
    ] {
        let request = request(csv_input(FileHeaderInfo::None), csv_output());
        check(sql, &request, object.as_bytes(), Err(code));
    }
}

#[test]
fn limit_counts_the_rows_that_are_returned() {
    let object = "1\n2\n3\n4\n5\n";
    for (sql, expected) in [
        ("SELECT * FROM S3Object LIMIT 2", Ok("1\n2\n")),
        ("SELECT * FROM S3Object LIMIT 0", Ok("")),
        ("SELECT * FROM S3Object LIMIT 100", Ok("1\n2\n3\n4\n5\n")),
        ("SELECT * FROM S3Object WHERE _1 <> '2' LIMIT 2", Ok("1\n3\n")),
        ("SELECT * FROM S3Object LIMIT -1", Err(Code::EvaluatorNegativeLimit)),
        ("SELECT * FROM S3Object LIMIT x", Err(Code::ParseExpectedNumber)),
        ("SELECT * FROM S3Object LIMIT 1.5", Err(Code::ParseExpectedNumber)),
        ("SELECT * FROM S3Object LIMIT", Err(Code::ParseExpectedNumber)),
        ("SELECT * FROM S3Object LIMIT 1 OFFSET 2", Err(Code::ParseUnexpectedToken)),
    ] {
        let request = request(csv_input(FileHeaderInfo::None), csv_output());
        check(sql, &request, object.as_bytes(), expected);
    }
}

#[test]
fn statements_that_are_none_have_codes_of_their_own() {
    for (sql, code) in [
        ("", Code::ParseExpectedExpression),
        ("SELECT", Code::ParseEmptySelect),
        ("SELECT FROM S3Object", Code::ParseEmptySelect),
        ("SELECT a", Code::ParseSelectMissingFrom),
        ("SELECT * S3Object", Code::ParseSelectMissingFrom),
        ("SELECT a b c FROM S3Object", Code::ParseSelectMissingFrom),
        ("SELECT *, a FROM S3Object", Code::ParseAsteriskIsNotAloneInSelectList),
        ("SELECT a, * FROM S3Object", Code::ParseAsteriskIsNotAloneInSelectList),
        ("SELECT s.*, a FROM S3Object s", Code::ParseAsteriskIsNotAloneInSelectList),
        ("SELECT t.* FROM S3Object s", Code::ParseInvalidContextForWildcardInSelectList),
        ("SELECT s.a.* FROM S3Object s", Code::ParseInvalidContextForWildcardInSelectList),
        ("SELECT s.l[*] FROM S3Object s", Code::ParseCannotMixSqbAndWildcardInSelectList),
        ("SELECT a AS FROM S3Object", Code::ParseExpectedIdentForAlias),
        ("SELECT a AS 'x' FROM S3Object", Code::ParseExpectedIdentForAlias),
        ("SELECT DISTINCT a FROM S3Object", Code::ParseUnsupportedSelect),
        ("SELECT VALUE a FROM S3Object", Code::ParseUnsupportedSelect),
        ("INSERT INTO S3Object", Code::ParseUnExpectedKeyword),
        ("DROP TABLE x", Code::ParseUnExpectedKeyword),
        ("hello", Code::UnsupportedSqlStructure),
        ("SELECT a FROM", Code::ParseExpectedExpression),
        ("SELECT a FROM 'x'", Code::ParseUnexpectedToken),
        ("SELECT a FROM elsewhere", Code::EvaluatorBindingDoesNotExist),
        ("SELECT a FROM (SELECT b FROM S3Object)", Code::UnsupportedSqlStructure),
        ("SELECT (SELECT b FROM S3Object) FROM S3Object", Code::UnsupportedSqlStructure),
        ("SELECT a FROM S3Object, S3Object", Code::MultipleDataSourcesUnsupported),
        ("SELECT a FROM S3Object s JOIN S3Object t", Code::ParseMalformedJoin),
        ("SELECT a FROM S3Object LEFT JOIN S3Object", Code::ParseMalformedJoin),
        ("SELECT a FROM S3Object.path", Code::InvalidKeyPath),
        ("SELECT a FROM S3Object[0]", Code::InvalidKeyPath),
        ("SELECT a FROM S3Object[", Code::ParseInvalidPathComponent),
        ("SELECT a FROM S3Object[*", Code::ParseExpectedTokenType),
        ("SELECT a FROM S3Object[*].", Code::ParseInvalidPathComponent),
        ("SELECT a FROM S3Object WHERE", Code::ParseUnexpectedTerm),
        ("SELECT a FROM S3Object GROUP BY a", Code::UnsupportedSqlStructure),
        ("SELECT a FROM S3Object GROUP a", Code::ParseExpectedKeyword),
        ("SELECT a FROM S3Object HAVING a = 1", Code::UnsupportedSqlStructure),
        ("SELECT a FROM S3Object ORDER BY a", Code::ParseUnexpectedToken),
        ("SELECT a FROM S3Object UNION SELECT b FROM S3Object", Code::ParseUnexpectedToken),
        ("SELECT a FROM S3Object; SELECT a FROM S3Object", Code::ParseUnexpectedToken),
        ("SELECT s.CAST FROM S3Object s", Code::ParseInvalidPathComponent),
        ("SELECT CAST FROM S3Object s", Code::ParseExpectedLeftParenAfterCast),
        ("SELECT date FROM S3Object s", Code::ParseUnExpectedKeyword),
        ("SELECT 'open FROM S3Object", Code::LexerInvalidLiteral),
        ("SELECT \"open FROM S3Object", Code::LexerInvalidLiteral),
        ("SELECT `open FROM S3Object", Code::LexerInvalidLiteral),
        ("SELECT `{}` FROM S3Object", Code::LexerInvalidIONLiteral),
        ("SELECT /* open FROM S3Object", Code::LexerInvalidChar),
        ("SELECT a ? b FROM S3Object", Code::LexerInvalidChar),
        ("SELECT é FROM S3Object", Code::LexerInvalidChar),
        ("SELECT a ! b FROM S3Object", Code::LexerInvalidOperator),
        ("SELECT (1 FROM S3Object", Code::ParseExpectedTokenType),
        ("SELECT ) FROM S3Object", Code::ParseUnexpectedTerm),
        ("SELECT a[1 FROM S3Object", Code::ParseExpectedTokenType),
        ("SELECT a[x] FROM S3Object", Code::ParseInvalidPathComponent),
        ("SELECT 100+ FROM S3Object", Code::ParseUnExpectedKeyword),
        ("SELECT <50 FROM S3Object", Code::ParseUnexpectedOperator),
    ] {
        let request = request(json_input(JsonType::Lines), json_output());
        check(sql, &request, b"{\"a\":1}", Err(code));
    }
}
