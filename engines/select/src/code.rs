//! The codes, and their wording in the documentation.
//!
//! Several descriptions do not fit their code (the page has those of the lexer's errors mixed up); they are kept, for
//! clients and searches find them as they are.

/// Under S3's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    AmbiguousFieldName,
    CastFailed,
    CSVEscapingRecordDelimiter,
    CSVParsingError,
    CSVUnescapedQuote,
    EvaluatorBindingDoesNotExist,
    EvaluatorInvalidArguments,
    EvaluatorInvalidTimestampFormatPattern,
    EvaluatorInvalidTimestampFormatPatternSymbol,
    EvaluatorInvalidTimestampFormatPatternSymbolForParsing,
    EvaluatorInvalidTimestampFormatPatternToken,
    EvaluatorLikePatternInvalidEscapeSequence,
    EvaluatorNegativeLimit,
    EvaluatorTimestampFormatPatternDuplicateFields,
    EvaluatorTimestampFormatPatternHourClockAmPmMismatch,
    EvaluatorUnterminatedTimestampFormatPatternToken,
    ExpressionTooLong,
    ExternalEvalException,
    IllegalSqlFunctionArgument,
    IncorrectSqlFunctionArgumentType,
    IntegerOverflow,
    InternalError,
    InvalidCast,
    InvalidColumnIndex,
    InvalidCompressionFormat,
    InvalidDataSource,
    InvalidExpressionType,
    InvalidFileHeaderInfo,
    InvalidJsonType,
    InvalidKeyPath,
    InvalidQuoteFields,
    InvalidRequestParameter,
    InvalidScanRange,
    InvalidTextEncoding,
    JSONParsingError,
    LexerInvalidChar,
    LexerInvalidIONLiteral,
    LexerInvalidLiteral,
    LexerInvalidOperator,
    LikeInvalidInputs,
    MaxOperatorsExceeded,
    MissingHeaders,
    MissingRequiredParameter,
    MultipleDataSourcesUnsupported,
    NumberFormatError,
    ObjectSerializationConflict,
    OverMaxColumn,
    OverMaxParquetBlockSize,
    OverMaxRecordSize,
    ParquetParsingError,
    ParquetUnsupportedCompressionCodec,
    ParseAsteriskIsNotAloneInSelectList,
    ParseCannotMixSqbAndWildcardInSelectList,
    ParseEmptySelect,
    ParseExpected2TokenTypes,
    ParseExpectedArgumentDelimiter,
    ParseExpectedDatePart,
    ParseExpectedExpression,
    ParseExpectedIdentForAlias,
    ParseExpectedKeyword,
    ParseExpectedLeftParenAfterCast,
    ParseExpectedLeftParenBuiltinFunctionCall,
    ParseExpectedNumber,
    ParseExpectedRightParenBuiltinFunctionCall,
    ParseExpectedTokenType,
    ParseExpectedTypeName,
    ParseExpectedWhenClause,
    ParseInvalidContextForWildcardInSelectList,
    ParseInvalidPathComponent,
    ParseInvalidTypeParam,
    ParseMalformedJoin,
    ParseNonUnaryAgregateFunctionCall,
    ParseSelectMissingFrom,
    ParseUnExpectedKeyword,
    ParseUnexpectedOperator,
    ParseUnexpectedTerm,
    ParseUnexpectedToken,
    ParseUnsupportedCallWithStar,
    ParseUnsupportedSelect,
    ParseUnsupportedSyntax,
    TruncatedInput,
    UnrecognizedFormatException,
    UnsupportedFunction,
    UnsupportedParquetType,
    UnsupportedScanRangeInput,
    UnsupportedSqlOperation,
    UnsupportedSqlStructure,
    UnsupportedStorageClass,
    ValueParseFailure,
}

impl Code {
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        if self == Code::InternalError { 500 } else { 400 }
    }

    pub fn description(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> &'static (Code, &'static str, &'static str) {
        &TABLE[self as usize]
    }
}

/// In the order of the codes.
const TABLE: &[(Code, &str, &str)] = &[
    (
        Code::AmbiguousFieldName,
        "AmbiguousFieldName",
        "The field name matches to multiple fields in the file. Check the SQL expression and the file, and try again.",
    ),
    (
        Code::CastFailed,
        "CastFailed",
        "An attempt to convert from one data type to another using CAST failed in the SQL expression.",
    ),
    (
        Code::CSVEscapingRecordDelimiter,
        "CSVEscapingRecordDelimiter",
        "A quoted record delimiter was found in the file. To allow quoted record delimiters, set AllowQuotedRecordDelimiter to 'TRUE'.",
    ),
    (
        Code::CSVParsingError,
        "CSVParsingError",
        "An error occurred while parsing the CSV file. Check the file and try again.",
    ),
    (
        Code::CSVUnescapedQuote,
        "CSVUnescapedQuote",
        "An unescaped quote was found while parsing the CSV file. To allow quoted record delimiters, set AllowQuotedRecordDelimiter to 'TRUE'.",
    ),
    (
        Code::EvaluatorBindingDoesNotExist,
        "EvaluatorBindingDoesNotExist",
        "A column name or a path provided does not exist in the SQL expression.",
    ),
    (
        Code::EvaluatorInvalidArguments,
        "EvaluatorInvalidArguments",
        "There is an incorrect number of arguments in the function call in the SQL expression.",
    ),
    (
        Code::EvaluatorInvalidTimestampFormatPattern,
        "EvaluatorInvalidTimestampFormatPattern",
        "The timestamp format string in the SQL expression is not valid.",
    ),
    (
        Code::EvaluatorInvalidTimestampFormatPatternSymbol,
        "EvaluatorInvalidTimestampFormatPatternSymbol",
        "The timestamp format pattern contains a symbol in the SQL expression that is not valid.",
    ),
    (
        Code::EvaluatorInvalidTimestampFormatPatternSymbolForParsing,
        "EvaluatorInvalidTimestampFormatPatternSymbolForParsing",
        "The timestamp format pattern contains a valid format symbol that cannot be applied to timestamp parsing in the SQL expression.",
    ),
    (
        Code::EvaluatorInvalidTimestampFormatPatternToken,
        "EvaluatorInvalidTimestampFormatPatternToken",
        "The timestamp format pattern contains a token in the SQL expression that is not valid.",
    ),
    (
        Code::EvaluatorLikePatternInvalidEscapeSequence,
        "EvaluatorLikePatternInvalidEscapeSequence",
        "An argument given to the LIKE expression was not valid.",
    ),
    (Code::EvaluatorNegativeLimit, "EvaluatorNegativeLimit", "LIMIT must not be negative."),
    (
        Code::EvaluatorTimestampFormatPatternDuplicateFields,
        "EvaluatorTimestampFormatPatternDuplicateFields",
        "The timestamp format pattern contains multiple format specifiers representing the timestamp field in the SQL expression.",
    ),
    (
        Code::EvaluatorTimestampFormatPatternHourClockAmPmMismatch,
        "EvaluatorTimestampFormatPatternHourClockAmPmMismatch",
        "The timestamp format pattern contains a 12-hour hour of day format symbol but doesn't also contain an AM/PM field, or it contains a 24-hour hour of day format specifier and contains an AM/PM field in the SQL expression.",
    ),
    (
        Code::EvaluatorUnterminatedTimestampFormatPatternToken,
        "EvaluatorUnterminatedTimestampFormatPatternToken",
        "The timestamp format pattern contains an unterminated token in the SQL expression.",
    ),
    (
        Code::ExpressionTooLong,
        "ExpressionTooLong",
        "The SQL expression is too long. The maximum byte-length for an SQL expression is 256 KB.",
    ),
    (
        Code::ExternalEvalException,
        "ExternalEvalException",
        "The query cannot be evaluated. Check the file and try again.",
    ),
    (
        Code::IllegalSqlFunctionArgument,
        "IllegalSqlFunctionArgument",
        "An illegal argument was used in the SQL function.",
    ),
    (
        Code::IncorrectSqlFunctionArgumentType,
        "IncorrectSqlFunctionArgumentType",
        "An incorrect argument type was specified in a function call in the SQL expression.",
    ),
    (
        Code::IntegerOverflow,
        "IntegerOverflow",
        "An integer overflow or underflow occurred in the SQL expression.",
    ),
    (Code::InternalError, "InternalError", "An internal error occurred."),
    (
        Code::InvalidCast,
        "InvalidCast",
        "An attempt to convert from one data type to another using CAST failed in the SQL expression.",
    ),
    (Code::InvalidColumnIndex, "InvalidColumnIndex", "The column index in the SQL expression is not valid."),
    (
        Code::InvalidCompressionFormat,
        "InvalidCompressionFormat",
        "The file is not in a supported compression format. Only GZIP and BZIP2 are supported.",
    ),
    (
        Code::InvalidDataSource,
        "InvalidDataSource",
        "The data source type is not valid. Only CSV, JSON, and Parquet are supported.",
    ),
    (
        Code::InvalidExpressionType,
        "InvalidExpressionType",
        "The ExpressionType value is not valid. Only SQL expressions are supported.",
    ),
    (
        Code::InvalidFileHeaderInfo,
        "InvalidFileHeaderInfo",
        "The FileHeaderInfo value is not valid. Only NONE, USE, and IGNORE are supported.",
    ),
    (
        Code::InvalidJsonType,
        "InvalidJsonType",
        "The JsonType value is not valid. Only DOCUMENT and LINES are supported.",
    ),
    (Code::InvalidKeyPath, "InvalidKeyPath", "The key path in the SQL expression is not valid."),
    (
        Code::InvalidQuoteFields,
        "InvalidQuoteFields",
        "The QuoteFields value is not valid. Only ALWAYS and ASNEEDED are supported.",
    ),
    (
        Code::InvalidRequestParameter,
        "InvalidRequestParameter",
        "The value of a parameter in the SelectRequest element is not valid. Check the service API documentation and try again.",
    ),
    (Code::InvalidScanRange, "InvalidScanRange", "The provided scan range is not valid."),
    (
        Code::InvalidTextEncoding,
        "InvalidTextEncoding",
        "The encoding type is not valid. Only UTF-8 encoding is supported.",
    ),
    (
        Code::JSONParsingError,
        "JSONParsingError",
        "An error occurred while parsing the JSON file. Check the file and try again.",
    ),
    (
        Code::LexerInvalidChar,
        "LexerInvalidChar",
        "The SQL expression contains a character that is not valid.",
    ),
    (
        Code::LexerInvalidIONLiteral,
        "LexerInvalidIONLiteral",
        "The SQL expression contains an operator that is not valid.",
    ),
    (
        Code::LexerInvalidLiteral,
        "LexerInvalidLiteral",
        "The SQL expression contains an operator that is not valid.",
    ),
    (
        Code::LexerInvalidOperator,
        "LexerInvalidOperator",
        "The SQL expression contains a literal that is not valid.",
    ),
    (
        Code::LikeInvalidInputs,
        "LikeInvalidInputs",
        "The argument given to the LIKE clause in the SQL expression is not valid.",
    ),
    (
        Code::MaxOperatorsExceeded,
        "MaxOperatorsExceeded",
        "Failed to parse SQL expression, try reducing complexity. For example, reduce number of operators used.",
    ),
    (
        Code::MissingHeaders,
        "MissingHeaders",
        "Some headers in the query are missing from the file. Please check the file and try again.",
    ),
    (
        Code::MissingRequiredParameter,
        "MissingRequiredParameter",
        "The SelectRequest entity is missing a required parameter. Check the service documentation and try again.",
    ),
    (
        Code::MultipleDataSourcesUnsupported,
        "MultipleDataSourcesUnsupported",
        "Multiple data sources are not supported.",
    ),
    (
        Code::NumberFormatError,
        "NumberFormatError",
        "An error occurred while parsing a number. This error can be caused by underflow or overflow of integers.",
    ),
    (
        Code::ObjectSerializationConflict,
        "ObjectSerializationConflict",
        "InputSerialization specifies more than one format (CSV, JSON, or Parquet), or OutputSerialization specifies more than one format (CSV or JSON). For InputSerialization and OutputSerialization, you can specify only one format for each.",
    ),
    (
        Code::OverMaxColumn,
        "OverMaxColumn",
        "The number of columns in the result is greater than the maximum allowable number of columns.",
    ),
    (
        Code::OverMaxParquetBlockSize,
        "OverMaxParquetBlockSize",
        "The Parquet file is above the max row group size.",
    ),
    (
        Code::OverMaxRecordSize,
        "OverMaxRecordSize",
        "The length of a record in the input or result is greater than the maxCharsPerRecord limit of 1 MB.",
    ),
    (
        Code::ParquetParsingError,
        "ParquetParsingError",
        "An error occurred while parsing the Parquet file. Check the file and try again.",
    ),
    (
        Code::ParquetUnsupportedCompressionCodec,
        "ParquetUnsupportedCompressionCodec",
        "The specified Parquet compression codec is not supported.",
    ),
    (
        Code::ParseAsteriskIsNotAloneInSelectList,
        "ParseAsteriskIsNotAloneInSelectList",
        "Other expressions are not allowed in the SELECT list when * is used without dot notation in the SQL expression.",
    ),
    (
        Code::ParseCannotMixSqbAndWildcardInSelectList,
        "ParseCannotMixSqbAndWildcardInSelectList",
        "Cannot mix [] and * in the same expression in a SELECT list in the SQL expression.",
    ),
    (Code::ParseEmptySelect, "ParseEmptySelect", "The SQL expression contains an empty SELECT clause."),
    (
        Code::ParseExpected2TokenTypes,
        "ParseExpected2TokenTypes",
        "The expected token in the SQL expression was not found.",
    ),
    (
        Code::ParseExpectedArgumentDelimiter,
        "ParseExpectedArgumentDelimiter",
        "The expected argument delimiter in the SQL expression was not found.",
    ),
    (
        Code::ParseExpectedDatePart,
        "ParseExpectedDatePart",
        "The expected date part in the SQL expression was not found.",
    ),
    (Code::ParseExpectedExpression, "ParseExpectedExpression", "The expected SQL expression was not found."),
    (
        Code::ParseExpectedIdentForAlias,
        "ParseExpectedIdentForAlias",
        "The expected identifier for the alias in the SQL expression was not found.",
    ),
    (
        Code::ParseExpectedKeyword,
        "ParseExpectedKeyword",
        "The expected keyword in the SQL expression was not found.",
    ),
    (
        Code::ParseExpectedLeftParenAfterCast,
        "ParseExpectedLeftParenAfterCast",
        "The expected left parenthesis after CAST in the SQL expression was not found.",
    ),
    (
        Code::ParseExpectedLeftParenBuiltinFunctionCall,
        "ParseExpectedLeftParenBuiltinFunctionCall",
        "The expected left parenthesis in the SQL expression was not found.",
    ),
    (
        Code::ParseExpectedNumber,
        "ParseExpectedNumber",
        "The expected number in the SQL expression was not found.",
    ),
    (
        Code::ParseExpectedRightParenBuiltinFunctionCall,
        "ParseExpectedRightParenBuiltinFunctionCall",
        "The expected right parenthesis character in the SQL expression was not found.",
    ),
    (
        Code::ParseExpectedTokenType,
        "ParseExpectedTokenType",
        "The expected token in the SQL expression was not found.",
    ),
    (
        Code::ParseExpectedTypeName,
        "ParseExpectedTypeName",
        "The expected type name in the SQL expression was not found.",
    ),
    (
        Code::ParseExpectedWhenClause,
        "ParseExpectedWhenClause",
        "The expected WHEN clause in the SQL expression was not found. CASE is not supported.",
    ),
    (
        Code::ParseInvalidContextForWildcardInSelectList,
        "ParseInvalidContextForWildcardInSelectList",
        "The use of * in the SELECT list in the SQL expression is not valid.",
    ),
    (
        Code::ParseInvalidPathComponent,
        "ParseInvalidPathComponent",
        "The SQL expression contains a path component that is not valid.",
    ),
    (
        Code::ParseInvalidTypeParam,
        "ParseInvalidTypeParam",
        "The SQL expression contains a parameter value that is not valid.",
    ),
    (Code::ParseMalformedJoin, "ParseMalformedJoin", "JOIN is not supported in the SQL expression."),
    (
        Code::ParseNonUnaryAgregateFunctionCall,
        "ParseNonUnaryAgregateFunctionCall",
        "Only one argument is supported for aggregate functions in the SQL expression.",
    ),
    (
        Code::ParseSelectMissingFrom,
        "ParseSelectMissingFrom",
        "The SQL expression contains a missing FROM after the SELECT list.",
    ),
    (
        Code::ParseUnExpectedKeyword,
        "ParseUnExpectedKeyword",
        "The SQL expression contains an unexpected keyword.",
    ),
    (
        Code::ParseUnexpectedOperator,
        "ParseUnexpectedOperator",
        "The SQL expression contains an unexpected operator.",
    ),
    (Code::ParseUnexpectedTerm, "ParseUnexpectedTerm", "The SQL expression contains an unexpected term."),
    (Code::ParseUnexpectedToken, "ParseUnexpectedToken", "The SQL expression contains an unexpected token."),
    (
        Code::ParseUnsupportedCallWithStar,
        "ParseUnsupportedCallWithStar",
        "Only COUNT with (*) as a parameter is supported in the SQL expression.",
    ),
    (
        Code::ParseUnsupportedSelect,
        "ParseUnsupportedSelect",
        "The SQL expression contains an unsupported use of SELECT.",
    ),
    (
        Code::ParseUnsupportedSyntax,
        "ParseUnsupportedSyntax",
        "The SQL expression contains unsupported syntax.",
    ),
    (
        Code::TruncatedInput,
        "TruncatedInput",
        "Object decompression failed. Check that the object is properly compressed using the format specified in the request.",
    ),
    (Code::UnrecognizedFormatException, "UnrecognizedFormatException", "The record type is not valid."),
    (Code::UnsupportedFunction, "UnsupportedFunction", "S3 encountered an unsupported SQL function."),
    (Code::UnsupportedParquetType, "UnsupportedParquetType", "The specified Parquet type is not supported."),
    (
        Code::UnsupportedScanRangeInput,
        "UnsupportedScanRangeInput",
        "Scan range queries are not supported on this type of object.",
    ),
    (
        Code::UnsupportedSqlOperation,
        "UnsupportedSqlOperation",
        "S3 encountered an unsupported SQL operation.",
    ),
    (
        Code::UnsupportedSqlStructure,
        "UnsupportedSqlStructure",
        "S3 encountered an unsupported SQL structure. Check the SQL Reference.",
    ),
    (
        Code::UnsupportedStorageClass,
        "UnsupportedStorageClass",
        "The storage class is not supported. Only STANDARD, STANDARD_IA, and ONEZONE_IA storage classes are supported.",
    ),
    (
        Code::ValueParseFailure,
        "ValueParseFailure",
        "A timestamp parse failure occurred in the SQL expression.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_row() {
        for (index, (code, name, description)) in TABLE.iter().enumerate() {
            assert_eq!(*code as usize, index, "{name}");
            assert_eq!(format!("{code:?}"), *name);
            assert!(!description.is_empty());
        }
    }
}
