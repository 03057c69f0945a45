//! CSV in and out: dialects, headers and what is wrong with a file.

use super::{
    Bytes, Code, Compression, CsvInput, CsvOutput, FileHeaderInfo, Input, JsonType, Output, QuoteFields,
    check, csv_input, csv_output, json_input, json_output, refusal, request,
};

fn dialect(csv: CsvInput) -> Input {
    Input::Csv(csv, Compression::None)
}

#[test]
fn columns_have_positions_and_perhaps_names() {
    use FileHeaderInfo::{Ignore, None, Use};
    let object = b"name,Age,city\nann,30,Oslo\nbob,25,Rome\n";
    for (header, sql, expected) in [
        (None, "SELECT * FROM S3Object", Ok("name,Age,city\nann,30,Oslo\nbob,25,Rome\n")),
        (Ignore, "SELECT * FROM S3Object", Ok("ann,30,Oslo\nbob,25,Rome\n")),
        (Use, "SELECT * FROM S3Object", Ok("ann,30,Oslo\nbob,25,Rome\n")),
        (None, "SELECT _2 FROM S3Object", Ok("Age\n30\n25\n")),
        (Ignore, "SELECT s._2 FROM S3Object s", Ok("30\n25\n")),
        (Use, "SELECT _1, s._3 FROM S3Object s", Ok("ann,Oslo\nbob,Rome\n")),
        (Use, "SELECT name FROM S3Object", Ok("ann\nbob\n")),
        (Use, "SELECT s.NAME, age FROM S3Object s", Ok("ann,30\nbob,25\n")),
        (Use, "SELECT s.\"Age\" FROM S3Object s", Ok("30\n25\n")),
        (Use, "SELECT S3Object.city FROM S3Object", Ok("Oslo\nRome\n")),
        (Use, "SELECT name FROM S3Object WHERE CAST(age AS INT) > 26", Ok("ann\n")),
        (Use, "SELECT name FROM S3Object WHERE age = '25'", Ok("bob\n")),
        (Use, "SELECT name FROM S3Object WHERE age = 25", Ok("")),
        (Use, "SELECT _9 FROM S3Object", Ok("\n\n")),
        (Use, "SELECT COALESCE(_9, 'none') FROM S3Object", Ok("none\nnone\n")),
        (Use, "SELECT s.\"age\" FROM S3Object s", Err(Code::MissingHeaders)),
        (Use, "SELECT nothing FROM S3Object", Err(Code::MissingHeaders)),
        (Ignore, "SELECT s.name FROM S3Object s", Err(Code::MissingHeaders)),
        (Ignore, "SELECT name FROM S3Object", Err(Code::InvalidColumnIndex)),
        (None, "SELECT * FROM S3Object WHERE odd = true", Err(Code::InvalidColumnIndex)),
        (None, "SELECT _0 FROM S3Object", Err(Code::InvalidColumnIndex)),
        (None, "SELECT _99999999999999999999999 FROM S3Object", Err(Code::InvalidColumnIndex)),
        (None, "SELECT _1 FROM S3Object[*].path", Err(Code::UnsupportedSqlStructure)),
        (None, "SELECT _1 FROM S3Object[*]", Ok("name\nann\nbob\n")),
        (None, "SELECT _1 FROM S3Object WHERE _1 > 5", Err(Code::ExternalEvalException)),
    ] {
        check(sql, &request(csv_input(header), csv_output()), object, expected);
    }
}

#[test]
fn headers_that_are_the_same_but_for_case_need_quotes() {
    let object = b"NAME,name\n1,2\n";
    for (sql, expected) in [
        ("SELECT s.name FROM S3Object s", Err(Code::AmbiguousFieldName)),
        ("SELECT s.\"NAME\" FROM S3Object s", Ok("1\n")),
        ("SELECT s.\"name\" FROM S3Object s", Ok("2\n")),
    ] {
        check(sql, &request(csv_input(FileHeaderInfo::Use), csv_output()), object, expected);
    }
}

#[test]
fn json_output_takes_the_names_of_the_columns() {
    use FileHeaderInfo::{None, Use};
    for (header, sql, object, expected) in [
        (Use, "SELECT * FROM S3Object", "a,\"b \"\"q\"\"\"\n1,2\n", "{\"a\":\"1\",\"b \\\"q\\\"\":\"2\"}\n"),
        (None, "SELECT * FROM S3Object", "1,2\n", "{\"_1\":\"1\",\"_2\":\"2\"}\n"),
        (Use, "SELECT * FROM S3Object", "a\n1,2\n", "{\"a\":\"1\",\"_2\":\"2\"}\n"),
        (Use, "SELECT a, _2, b AS c FROM S3Object", "a,b\n1,2\n", "{\"a\":\"1\",\"_2\":\"2\",\"c\":\"2\"}\n"),
        (Use, "SELECT a, _3 FROM S3Object", "a,b\n1\n", "{\"a\":\"1\"}\n"),
    ] {
        check(sql, &request(csv_input(header), json_output()), object.as_bytes(), Ok(expected));
    }
}

#[test]
fn records_are_split_as_their_dialect_says() {
    let csv = CsvInput::default;
    let quoted = CsvInput { allow_quoted_record_delimiter: true, ..csv() };
    let rows: Vec<(CsvInput, &str, Result<&str, Code>)> = vec![
        (csv(), "a,b\nc,d", Ok("a|b;c|d;")),
        (csv(), "a,b\r\nc,d\r\n", Ok("a|b;c|d;")),
        (csv(), "a,,b\n,\n", Ok("a||b;|;")),
        (csv(), "a\n\n\nb\n", Ok("a;b;")),
        (csv(), "", Ok("")),
        (csv(), "\u{feff}a\n", Ok("a;")),
        (csv(), "#a\nb\n", Ok("b;")),
        (csv(), "b#\n #c\n", Ok("b#; #c;")),
        (csv(), "\"a,b\",c\n", Ok("a,b|c;")),
        (csv(), "\"a\"\"b\"\n", Ok("a\"b;")),
        (csv(), "\"\"\" a , b \"\"\"\n", Ok("\" a , b \";")),
        (csv(), "\"\",x\n", Ok("|x;")),
        (csv(), "a\"b,c\n", Ok("a\"b|c;")),
        (csv(), "\"a\"b,c\n", Err(Code::CSVUnescapedQuote)),
        (csv(), "\"a\nb\"\n", Err(Code::CSVEscapingRecordDelimiter)),
        (quoted.clone(), "\"a\nb\",c\nd\n", Ok("a\nb|c;d;")),
        (quoted.clone(), "\"a\"\"\n\"\"b\",c\nd\n", Ok("a\"\n\"b|c;d;")),
        (quoted.clone(), "a\"b\nc\n", Ok("a\"b;c;")),
        (quoted.clone(), "#\"\nc\n", Ok("c;")),
        (quoted.clone(), "\"a\"b,c\n", Err(Code::CSVUnescapedQuote)),
        (quoted.clone(), "\"a\nb", Err(Code::CSVUnescapedQuote)),
        (quoted.clone(), "\"a\",\"b\"", Ok("a|b;")),
        (CsvInput { comments: None, ..csv() }, "#a\n", Ok("#a;")),
        (CsvInput { comments: Some("é".into()), ..csv() }, "éa\nb\n", Ok("b;")),
        (CsvInput { field_delimiter: "\t".into(), ..csv() }, "a\tb,c\n", Ok("a|b,c;")),
        (CsvInput { field_delimiter: "╦".into(), ..csv() }, "a╦b╦\"c╦\"\n", Ok("a|b|c╦;")),
        (CsvInput { record_delimiter: "\r\n".into(), ..csv() }, "a\nb\r\nc\r\n", Ok("a\nb;c;")),
        (CsvInput { record_delimiter: "~".into(), ..csv() }, "a~b\n~", Ok("a;b\n;")),
        (
            CsvInput { record_delimiter: "\r\n".into(), ..quoted.clone() },
            "\"a\r\n\"\r\nc\r\n",
            Ok("a\r\n;c;"),
        ),
        (
            CsvInput { quote_character: Some("'".into()), quote_escape_character: "'".into(), ..csv() },
            "'a,''b',\"c\n",
            Ok("a,'b|\"c;"),
        ),
        (CsvInput { quote_character: None, ..csv() }, "\"a,b\"\n", Ok("\"a|b\";")),
        (
            CsvInput { quote_escape_character: "\\".into(), ..csv() },
            "\"a\\\"b\",\"c\\\\\",\"\\d\"\n",
            Ok("a\"b|c\\|\\d;"),
        ),
        (
            CsvInput { quote_escape_character: "\\".into(), ..quoted.clone() },
            "\"a\\\"\nb\",\"c\\\\\"\nd\n",
            Ok("a\"\nb|c\\;d;"),
        ),
        (
            CsvInput { quote_escape_character: "\\".into(), ..csv() },
            "\"a\"\"b\"\n",
            Err(Code::CSVUnescapedQuote),
        ),
    ];
    let plain = CsvOutput {
        quote_character: None,
        field_delimiter: "|".into(),
        record_delimiter: ";".into(),
        ..CsvOutput::default()
    };
    for (csv, object, expected) in rows {
        let request = request(dialect(csv), Output::Csv(plain.clone()));
        check("SELECT * FROM S3Object", &request, object.as_bytes(), expected);
    }
}

#[test]
fn fields_are_quoted_as_asked() {
    let output = CsvOutput::default;
    let always = CsvOutput { quote_fields: QuoteFields::Always, ..output() };
    for (output, object, expected) in [
        (output(), r#"["a","b,c","d\"e","f\ng",""]"#, "a,\"b,c\",\"d\"\"e\",\"f\ng\",\n"),
        (always.clone(), r#"["a",1,null]"#, "\"a\",\"1\",\"\"\n"),
        (CsvOutput { quote_character: Some("'".into()), ..always }, r#"["a'b","c"]"#, "'a\"'b','c'\n"),
        (
            CsvOutput { quote_escape_character: "\\".into(), ..output() },
            r#"["a\"b","c\\d\"",7]"#,
            "\"a\\\"b\",\"c\\\\d\\\"\",7\n",
        ),
        (
            CsvOutput { field_delimiter: "\t".into(), record_delimiter: "\r\n".into(), ..output() },
            r#"["a,b","c\td",3]"#,
            "a,b\t\"c\td\"\t3\r\n",
        ),
    ] {
        let listed: Vec<serde_json::Value> = serde_json::from_str(object).expect("a list");
        let columns: Vec<String> = (0..listed.len()).map(|index| format!("s[{index}]")).collect();
        let sql = format!("SELECT {} FROM S3Object s", columns.join(", "));
        check(
            &sql,
            &request(json_input(JsonType::Lines), Output::Csv(output)),
            object.as_bytes(),
            Ok(expected),
        );
    }
}

#[test]
fn delimiters_that_cannot_be_told_apart_are_refused() {
    let csv = CsvInput::default;
    for input in [
        CsvInput { field_delimiter: String::new(), ..csv() },
        CsvInput { record_delimiter: String::new(), ..csv() },
        CsvInput { record_delimiter: ",".into(), ..csv() },
        CsvInput { field_delimiter: "\"".into(), ..csv() },
        CsvInput { field_delimiter: "123456789".into(), ..csv() },
        CsvInput { quote_character: Some("ab".into()), ..csv() },
        CsvInput { quote_character: Some(String::new()), ..csv() },
        CsvInput { comments: Some("//".into()), ..csv() },
        CsvInput { quote_escape_character: String::new(), ..csv() },
    ] {
        let request = request(dialect(input), csv_output());
        check("SELECT * FROM S3Object", &request, b"a", Err(Code::InvalidRequestParameter));
    }
    for output in [
        CsvOutput { field_delimiter: String::new(), ..CsvOutput::default() },
        CsvOutput { field_delimiter: "\n".into(), ..CsvOutput::default() },
        CsvOutput { quote_character: Some("ab".into()), ..CsvOutput::default() },
    ] {
        let request = request(dialect(csv()), Output::Csv(output));
        check("SELECT * FROM S3Object", &request, b"a", Err(Code::InvalidRequestParameter));
    }
}

#[test]
fn what_is_no_text_is_told_with_its_place() {
    let wrong = refusal(
        "SELECT * FROM S3Object",
        request(csv_input(FileHeaderInfo::None), csv_output()),
        b"a,b\nc\xff,d\n",
    );
    assert_eq!(
        wrong,
        "InvalidTextEncoding: UTF-8 encoding is required. The text encoding error was found near byte 5."
    );
    let object = Bytes::from([vec![b'a'; 40_000], vec![b'\n', 0xfe]].concat());
    let request = request(csv_input(FileHeaderInfo::None), csv_output());
    let error = super::answer("SELECT * FROM S3Object", request, object).expect_err("no UTF-8");
    assert!(error.message().ends_with("near byte 40,001."), "{error}");
}
