//! The texts that clients have seen S3 say.

use super::{FileHeaderInfo, csv_input, csv_output, refusal, request};

#[test]
fn refusals_say_where_in_the_statement() {
    use FileHeaderInfo::{None, Use};
    for (header, sql, expected) in [
        (
            None,
            "SELECT * FROM S3OBJECT WHERE odd = true",
            "InvalidColumnIndex: The column index at line 1, column 30 is invalid. \
             Please check the service documentation and try again.",
        ),
        (
            None,
            "SELECT * FROM S3OBJECT s WHERE s._1 = \"true\"",
            "InvalidColumnIndex: The column index at line 1, column 39 is invalid. \
             Please check the service documentation and try again.",
        ),
        (
            None,
            "SELECT _1,\n       _2,\n   gender FROM S3Object",
            "InvalidColumnIndex: The column index at line 3, column 4 is invalid. \
             Please check the service documentation and try again.",
        ),
        (
            None,
            "SELECT * FROM S3OBJECT s WHERE s.'odd' is \"true\"",
            "ParseInvalidPathComponent: Invalid Path component, expecting either an IDENTIFIER or STAR, \
             got: LITERAL,at line 1, column 34.",
        ),
        (
            Use,
            "SELECT * FROM S3OBJECT s WHERE s.odd is \"true\"",
            "ParseExpectedTypeName: Expected type name, found QUOTED_IDENTIFIER:UNKNOWN at line 1, column 41.",
        ),
        (
            Use,
            "SELECT * FROM S3OBJECT s WHERE s.5 = `true`",
            "ParseUnexpectedToken: Unexpected token found LITERAL:0.5 at line 1, column 33.",
        ),
        (
            Use,
            "SELECT CounterID, count(*) FROM S3Object GROUP BY CounterID ORDER BY count(*) DESC LIMIT 10",
            "ParseUnexpectedToken: Unexpected token found KEYWORD:UNKNOWN at line 1, column 61.",
        ),
        (
            Use,
            "select <50 from s3object limit 10",
            "ParseUnexpectedOperator: Unexpected operator OPERATOR:UNKNOWN at line 1, column 8.",
        ),
        (
            Use,
            "SELECT * FROM S3OBJECT s WHERE s.\"odd\" = `true`",
            "MissingHeaders: Some headers in the query are missing from the file. \
             Please check the file and try again.",
        ),
        (Use, "SELECT", "ParseEmptySelect: The SQL expression contains an empty SELECT clause."),
    ] {
        assert_eq!(refusal(sql, request(csv_input(header), csv_output()), b"a,b\n1,2\n"), expected, "{sql}");
    }
}
