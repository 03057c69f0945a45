//! Error pages, which are XHTML here, and the documents that clients parse, laid out as AWS lays them out.

use http::StatusCode;
use serde_json::Value;

/// The page for a status: its number and AWS's name for it.
pub fn page(status: StatusCode) -> String {
    let title = format!("{} - {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    format!(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n\
         <!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n\
         \t\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n\
         <html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n \
         <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n </body>\n</html>\n"
    )
}

/// A flat JSON object with a space on either side of the colon. Some scripts cut these documents apart by line.
pub fn document(fields: &[(&str, Value)]) -> String {
    let lines: Vec<String> =
        fields.iter().map(|(name, value)| format!("  {} : {value}", Value::from(*name))).collect();
    format!("{{\n{}\n}}", lines.join(",\n"))
}

/// A list of such objects: `[ {…}, {…} ]`, or `[]`.
pub fn documents(list: &[String]) -> String {
    if list.is_empty() { "[]".to_owned() } else { format!("[ {} ]", list.join(", ")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_names_its_status_twice() {
        let text = page(StatusCode::NOT_FOUND);
        assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<!DOCTYPE html"));
        assert!(text.contains("  <title>404 - Not Found</title>\n"));
        assert!(text.contains("  <h1>404 - Not Found</h1>\n"));
        assert!(text.ends_with("</html>\n"));
    }

    #[test]
    fn a_document_is_one_field_a_line() {
        let text = document(&[("Code", json!("Success")), ("Nothing", Value::Null), ("Odd", json!("a\"b"))]);
        assert_eq!(text, "{\n  \"Code\" : \"Success\",\n  \"Nothing\" : null,\n  \"Odd\" : \"a\\\"b\"\n}");
        assert_eq!(documents(&[]), "[]");
        assert_eq!(documents(&["{}".to_owned(), "{}".to_owned()]), "[ {}, {} ]");
    }
}
