//! Values of Parquet as values of the language: the tables of the page "Data types".

use ::parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as PhysicalType};
use ::parquet::record::{Field, Row};
use ::parquet::schema::types::{Type as SchemaType, TypePtr};

use crate::error::{Code, SelectError};
use crate::value::{Decimal, SqlTimestamp, Value, json};

/// How a column's values are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    AsIs,
    /// Integers that count nanoseconds since 1970, which the crate's records do not tell.
    Nanoseconds,
}

impl Reading {
    pub(super) fn of(column: &SchemaType) -> Reading {
        match column.get_basic_info().logical_type_ref() {
            Some(LogicalType::Timestamp(timestamp)) if timestamp.unit == TimeUnit::NANOS => {
                Reading::Nanoseconds
            }
            _ => Reading::AsIs,
        }
    }

    pub(super) fn value(self, field: &Field) -> Result<Value<'static>, SelectError> {
        match (self, field) {
            (Reading::Nanoseconds, Field::Long(nanos)) => moment(i128::from(*nanos), 9),
            _ => value(field),
        }
    }
}

/// Whether all of a column can be read.
pub(super) fn check(column: &TypePtr) -> Result<(), SelectError> {
    if column.is_group() {
        let fields = column.get_fields();
        // The crate reads no group that has no columns.
        let empty = fields.is_empty();
        return if empty {
            Err(Code::UnsupportedParquetType.into())
        } else {
            fields.iter().try_for_each(check)
        };
    }
    let converted = column.get_basic_info().converted_type();
    let supported = match column.get_physical_type() {
        PhysicalType::INT96 => false,
        PhysicalType::INT32 | PhysicalType::INT64 => {
            !matches!(converted, ConvertedType::INTERVAL | ConvertedType::UTF8)
        }
        PhysicalType::FIXED_LEN_BYTE_ARRAY => {
            matches!(converted, ConvertedType::NONE | ConvertedType::DECIMAL)
        }
        PhysicalType::BYTE_ARRAY => matches!(
            converted,
            ConvertedType::NONE
                | ConvertedType::UTF8
                | ConvertedType::ENUM
                | ConvertedType::JSON
                | ConvertedType::BSON
                | ConvertedType::DECIMAL
        ),
        _ => true,
    };
    if supported { Ok(()) } else { Err(Code::UnsupportedParquetType.into()) }
}

fn value(field: &Field) -> Result<Value<'static>, SelectError> {
    Ok(match field {
        Field::Null => Value::Null,
        Field::Bool(value) => Value::Bool(*value),
        Field::Byte(value) => Value::Int(i64::from(*value)),
        Field::Short(value) => Value::Int(i64::from(*value)),
        Field::Int(value) => Value::Int(i64::from(*value)),
        Field::Long(value) => Value::Int(*value),
        Field::UByte(value) => Value::Int(i64::from(*value)),
        Field::UShort(value) => Value::Int(i64::from(*value)),
        Field::UInt(value) => Value::Int(i64::from(*value)),
        Field::ULong(value) => match i64::try_from(*value) {
            Ok(value) => Value::Int(value),
            Err(_) => decimal(&i128::from(*value).to_be_bytes(), 0)?,
        },
        Field::Float16(value) => float(f64::from(*value))?,
        // By its own shortest text: 0.1 is meant as a tenth.
        Field::Float(value) => float(value.to_string().parse().unwrap_or(f64::from(*value)))?,
        Field::Double(value) => float(*value)?,
        Field::Decimal(value) => decimal(value.data(), value.scale())?,
        Field::Str(text) => Value::string(text.as_str()),
        Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
            Ok(text) => Value::string(text),
            Err(_) => return Err(Code::UnsupportedParquetType.into()),
        },
        Field::Date(days) => {
            Value::Timestamp(SqlTimestamp::from_days(i64::from(*days)).ok_or(Code::ValueParseFailure)?)
        }
        Field::TimeMillis(_) | Field::TimeMicros(_) => return Err(Code::UnsupportedParquetType.into()),
        Field::TimestampMillis(millis) => moment(i128::from(*millis) * 1_000_000, 3)?,
        Field::TimestampMicros(micros) => moment(i128::from(*micros) * 1_000, 6)?,
        Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => {
            let mut text = Vec::new();
            write(&mut text, field)?;
            Value::Nested(String::from_utf8(text).expect("JSON is text").into())
        }
    })
}

/// Infinity and what is no number have no place in either output.
fn float(value: f64) -> Result<Value<'static>, SelectError> {
    Ok(if value.is_finite() { Value::Float(value) } else { Value::Null })
}

fn decimal(unscaled: &[u8], scale: i32) -> Result<Value<'static>, SelectError> {
    let decimal = Decimal::from_scaled_bytes(unscaled, i64::from(scale));
    decimal.map(Value::Decimal).ok_or_else(|| Code::NumberFormatError.into())
}

fn moment(nanos: i128, digits: usize) -> Result<Value<'static>, SelectError> {
    let moment = SqlTimestamp::utc_nanos(nanos, digits);
    moment.map(Value::Timestamp).ok_or_else(|| Code::ValueParseFailure.into())
}

/// Nested values are kept as JSON.
fn write(out: &mut Vec<u8>, field: &Field) -> Result<(), SelectError> {
    match field {
        Field::Group(row) => write_members(out, row),
        Field::ListInternal(list) => {
            out.push(b'[');
            for (index, element) in list.elements().iter().enumerate() {
                separate(out, index);
                write(out, element)?;
            }
            out.push(b']');
            Ok(())
        }
        Field::MapInternal(map) => {
            out.push(b'{');
            for (index, (key, element)) in map.entries().iter().enumerate() {
                separate(out, index);
                json::write_string(out, &value(key)?.to_text());
                out.push(b':');
                write(out, element)?;
            }
            out.push(b'}');
            Ok(())
        }
        scalar => {
            match value(scalar)? {
                Value::Missing | Value::Null => out.extend_from_slice(b"null"),
                Value::String(text) => json::write_string(out, &text),
                Value::Timestamp(timestamp) => json::write_string(out, &timestamp.to_string()),
                other => out.extend_from_slice(other.to_text().as_bytes()),
            }
            Ok(())
        }
    }
}

fn write_members(out: &mut Vec<u8>, row: &Row) -> Result<(), SelectError> {
    out.push(b'{');
    for (index, (name, field)) in row.get_column_iter().enumerate() {
        separate(out, index);
        json::write_string(out, name);
        out.push(b':');
        write(out, field)?;
    }
    out.push(b'}');
    Ok(())
}

fn separate(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}
