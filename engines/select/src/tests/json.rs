//! JSON in: lines, documents, and what is neither.

use super::{Code, JsonType, check, csv_output, json_input, json_output, refusal, request};

#[test]
fn values_are_found_where_they_are() {
    use JsonType::{Document, Lines};
    for (kind, object, expected) in [
        (Lines, "{\"a\":1}\n{\"a\":2}\n", Ok("{\"a\":1}\n{\"a\":2}\n")),
        (Lines, "{\"a\":1}\r\n\r\n  {\"a\":2}  ", Ok("{\"a\":1}\n{\"a\":2}\n")),
        (Lines, "\u{feff}{\"a\":1}\n", Ok("{\"a\":1}\n")),
        (Lines, "", Ok("")),
        (Lines, "{\"a\":\n1}", Err(Code::JSONParsingError)),
        (Lines, "{\"a\":1} {\"a\":2}", Err(Code::JSONParsingError)),
        (Lines, "{\"a\":1}\nnot json\n", Err(Code::JSONParsingError)),
        (Document, "{\"a\":\n1}", Ok("{\"a\":1}\n")),
        (Document, "{\"a\":1}{\"a\":2}\n\n{\"a\":3}", Ok("{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n")),
        (Document, "\u{feff} {\"a\":1}", Ok("{\"a\":1}\n")),
        (Document, " \n\t ", Ok("")),
        (Document, "12 34\n5", Ok("{\"_1\":12}\n{\"_1\":34}\n{\"_1\":5}\n")),
        (Document, "{\"a\":1", Err(Code::JSONParsingError)),
        (Document, "{\"a\" 1}", Err(Code::JSONParsingError)),
        (Document, "{\"a\":1}}", Err(Code::JSONParsingError)),
        (Document, "{\"a\":\"\u{0}\"}", Err(Code::JSONParsingError)),
        (Document, "{'a':1}", Err(Code::JSONParsingError)),
        (Document, "[1,]", Err(Code::JSONParsingError)),
        (Document, "nul", Err(Code::JSONParsingError)),
    ] {
        check(
            "SELECT * FROM S3Object",
            &request(json_input(kind), json_output()),
            object.as_bytes(),
            expected,
        );
    }
}

#[test]
fn bytes_that_are_no_text_are_told_as_that() {
    for kind in [JsonType::Lines, JsonType::Document] {
        for object in [&b"{\"a\":\"\xff\"}"[..], b"\x1f\x8b\x08\x00\x00"] {
            let request = request(json_input(kind), json_output());
            check("SELECT * FROM S3Object", &request, object, Err(Code::InvalidTextEncoding));
        }
    }
    let wrong = refusal("SELECT * FROM S3Object", request(json_input(JsonType::Lines), json_output()), b"{");
    assert_eq!(wrong, "JSONParsingError: Error parsing JSON file. Please check the file and try again.");
}

#[test]
fn nested_values_need_json_output() {
    let object = b"{\"a\":1,\"b\":[1]}";
    for (sql, expected) in [
        ("SELECT a FROM S3Object", Ok("1\n")),
        ("SELECT b[0] FROM S3Object", Ok("1\n")),
        ("SELECT b FROM S3Object", Err(Code::UnrecognizedFormatException)),
        ("SELECT * FROM S3Object", Err(Code::UnrecognizedFormatException)),
        ("SELECT * FROM S3Object[*].b", Err(Code::UnrecognizedFormatException)),
        ("SELECT * FROM S3Object[*].b[*]", Ok("1\n")),
    ] {
        check(sql, &request(json_input(JsonType::Lines), csv_output()), object, expected);
    }
    let flat = b"{\"a\":1,\"b\":null,\"c\":\"x,y\",\"d\":1.50,\"e\":false}";
    let expected = Ok("1,,\"x,y\",1.50,false\n");
    check("SELECT * FROM S3Object", &request(json_input(JsonType::Lines), csv_output()), flat, expected);
}

#[test]
fn keys_and_punctuation_within_strings_do_not_confuse() {
    let object = r#"{"a,b":"{[\"]}","c\"d" : { "e:f" : "g" , "h" : [ { } , [ ] ] } , "k":"\\"}"#;
    for (sql, expected) in [
        ("SELECT s.\"a,b\" FROM S3Object s", "{\"a,b\":\"{[\\\"]}\"}\n"),
        ("SELECT s['c\"d'].\"e:f\" FROM S3Object s", "{\"e:f\":\"g\"}\n"),
        ("SELECT s['c\"d'].h[1] AS v FROM S3Object s", "{\"v\":[]}\n"),
        ("SELECT k FROM S3Object s", "{\"k\":\"\\\\\"}\n"),
        (
            "SELECT * FROM S3Object s",
            "{\"a,b\":\"{[\\\"]}\",\"c\\\"d\":{\"e:f\":\"g\",\"h\":[{},[]]},\"k\":\"\\\\\"}\n",
        ),
    ] {
        check(sql, &request(json_input(JsonType::Document), json_output()), object.as_bytes(), Ok(expected));
    }
}
