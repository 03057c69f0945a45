//! Names of the models made into names of Rust.

/// A type's name: `__listOfTags` becomes `ListOfTags`, `Foo_Bar` becomes `FooBar`, the rest stays as AWS writes it.
pub fn type_name(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let joined: String = words.map(capitalised).collect();
    starts_with_letter(joined, "N")
}

/// A field's name: `MD5OfBody` becomes `md5_of_body`, `type` becomes `r#type`.
pub fn field_name(name: &str) -> String {
    let plain = starts_with_letter(snake(name), "n_");
    match plain.as_str() {
        "self" | "super" | "crate" | "_" => format!("{plain}_"),
        word if KEYWORDS.contains(&word) => format!("r#{plain}"),
        _ => plain,
    }
}

/// A static's name: `QueueDoesNotExist` becomes `QUEUE_DOES_NOT_EXIST`.
pub fn static_name(name: &str) -> String {
    starts_with_letter(snake(name).to_ascii_uppercase(), "N_")
}

/// A variant's name for a value of an enumeration: `CREATE_COMPLETE` becomes `CreateComplete`, `t2.micro` `T2Micro`.
pub fn variant_name(value: &str) -> String {
    let words = value.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let joined: String = words
        .map(|word| {
            let shouted = !word.chars().any(|c| c.is_ascii_lowercase());
            if shouted { capitalised(&word.to_ascii_lowercase()) } else { capitalised(word) }
        })
        .collect();
    match starts_with_letter(joined, "V").as_str() {
        "V" => "Empty".to_owned(),
        // The name of the open variant, and a word that may not be a name.
        taken @ ("Unknown" | "Self") => format!("{taken}Value"),
        name => name.to_owned(),
    }
}

/// Makes a name unique by a number behind it.
pub fn unique(name: String, taken: &mut std::collections::HashSet<String>) -> String {
    let mut candidate = name.clone();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{name}{number}");
        number += 1;
    }
    candidate
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

fn starts_with_letter(name: String, prefix: &str) -> String {
    let letter = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if letter { name } else { format!("{prefix}{name}") }
}

/// Lower case with underscores. A run of capitals is one word, and so is its plural: `ARNs` is `arns`.
fn snake(name: &str) -> String {
    let chars: Vec<char> = name.replace("IPv", "Ipv").chars().collect();
    let mut out = String::new();
    for (index, &c) in chars.iter().enumerate() {
        if !c.is_ascii_alphanumeric() {
            if !out.is_empty() && !out.ends_with('_') {
                out.push('_');
            }
            continue;
        }
        let before = index.checked_sub(1).map(|before| chars[before]);
        if c.is_ascii_uppercase() && before.is_some_and(|before| starts_word(before, &chars[index + 1..])) {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out.trim_end_matches('_').to_owned()
}

/// Whether a capital starts a new word, given the character before it and the text behind it.
fn starts_word(before: char, behind: &[char]) -> bool {
    if before.is_ascii_lowercase() || before.is_ascii_digit() {
        return true;
    }
    if !before.is_ascii_uppercase() {
        return false;
    }
    let plural = matches!(behind, ['s'] | ['s', 'A'..='Z', ..]);
    behind.first().is_some_and(char::is_ascii_lowercase) && !plural
}

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_snake_case_and_never_keywords() {
        for (name, expected) in [
            ("QueueUrl", "queue_url"),
            ("MD5OfBody", "md5_of_body"),
            ("QueueOwnerAWSAccountId", "queue_owner_aws_account_id"),
            ("ETag", "e_tag"),
            ("SSEKMSKeyId", "ssekms_key_id"),
            ("ARNs", "arns"),
            ("VPCIdsToAdd", "vpc_ids_to_add"),
            ("EnableIPv6Dns", "enable_ipv6_dns"),
            ("x-amz-foo", "x_amz_foo"),
            ("Type", "r#type"),
            ("Self", "self_"),
            ("__string", "string"),
        ] {
            assert_eq!(field_name(name), expected, "{name}");
        }
    }

    #[test]
    fn variants_are_camel_case_words() {
        for (value, expected) in [
            ("CREATE_COMPLETE", "CreateComplete"),
            ("t2.micro", "T2Micro"),
            ("AWSTraceHeader", "AWSTraceHeader"),
            ("FIFO", "Fifo"),
            ("1.0", "V10"),
            ("", "Empty"),
            ("UNKNOWN", "UnknownValue"),
        ] {
            assert_eq!(variant_name(value), expected, "{value}");
        }
    }

    #[test]
    fn types_and_statics_lose_their_underscores() {
        assert_eq!(type_name("__listOf__string"), "ListOfString");
        assert_eq!(static_name("__listOf__string"), "LIST_OF_STRING");
        assert_eq!(static_name("QueueDoesNotExist"), "QUEUE_DOES_NOT_EXIST");
    }
}
