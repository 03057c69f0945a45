//! Documents that no shape describes: the few that travel in forms, and in answers to them.

use super::{Tree, XmlWriter};
use crate::malformed::Malformed;
use crate::names::Naming;

/// Reads pairs of texts: those of the elements `of` in each element at `path` below the root. One that is missing is
/// empty.
///
/// # Errors
/// If it is no document.
pub fn xml_entries(bytes: &[u8], path: &[&str], of: [&str; 2]) -> Result<Vec<[String; 2]>, Malformed> {
    let tree = Tree::parse(bytes).map_err(Malformed::Syntax)?;
    let mut found = vec![tree.root()];
    for name in path {
        let below = |id| tree.children(id).filter(|child| tree.name(*child) == *name).collect::<Vec<_>>();
        found = found.into_iter().flat_map(below).collect();
    }
    let text = |id, name| tree.child(id, name).map(|child| tree.text(child).to_owned()).unwrap_or_default();
    Ok(found.into_iter().map(|id| of.map(|name| text(id, name))).collect())
}

/// Writes an element with texts in it, as a document.
pub fn xml_document(root: &str, texts: &[(&str, &str)]) -> Vec<u8> {
    let mut xml = XmlWriter::with_declaration(Naming::Wire);
    xml.element(root, None, |xml| texts.iter().for_each(|(name, text)| xml.text_element(name, text)));
    xml.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_below_their_path() {
        let document = "<T><S><E><K>a</K><V>1</V></E><E><K>b</K></E><F><K>c</K></F></S><E><K>d</K></E></T>";
        let entries = xml_entries(document.as_bytes(), &["S", "E"], ["K", "V"]).unwrap();
        assert_eq!(entries, [["a", "1"], ["b", ""]]);
        assert!(xml_entries(b"<T>", &[], ["K", "V"]).is_err());
    }

    #[test]
    fn texts_are_escaped() {
        let written = String::from_utf8(xml_document("R", &[("A", "<&>")])).unwrap();
        assert!(written.ends_with("<R><A>&lt;&amp;&gt;</A></R>"), "{written}");
    }
}
