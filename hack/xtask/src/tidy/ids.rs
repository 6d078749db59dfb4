//! Every invariant of `broker/ARCHITECTURE.md` stands by its id in the code that holds it.
//! Whether the code does hold it is for tests and readers.

use std::fs;
use std::path::Path;

use super::source::Source;

const CATALOGUE: &str = "broker/ARCHITECTURE.md";

/// The ids that no Rust file of the broker names.
pub(super) fn check(root: &Path, files: &[Source]) -> Result<Vec<String>, String> {
    let path = root.join(CATALOGUE);
    let text = fs::read_to_string(&path).map_err(|error| format!("{CATALOGUE}: {error}"))?;
    let ids: Vec<&str> = text.lines().filter_map(id_of).collect();
    if ids.is_empty() {
        return Err(format!("{CATALOGUE} has no line `* **ID-1** …`"));
    }
    let named = |id: &str| files.iter().any(|file| names(&file.text, id));
    let missing = ids.iter().filter(|id| !named(id));
    Ok(missing
        .map(|id| {
            format!("{CATALOGUE}: {id} stands in no .rs file; name it where the code holds it")
        })
        .collect())
}

/// The id at the start of a line of the catalogue.
fn id_of(line: &str) -> Option<&str> {
    let (id, _) = line.strip_prefix("* **")?.split_once("**")?;
    let (family, number) = id.split_once('-')?;
    let is_id = family.bytes().all(|b| b.is_ascii_uppercase())
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit());
    is_id.then_some(id)
}

/// Whether a text has the id, not as the beginning of a longer one.
fn names(text: &str, id: &str) -> bool {
    text.match_indices(id).any(|(at, _)| {
        let after = text[at + id.len()..].bytes().next();
        !after.is_some_and(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_whole_or_not_at_all() {
        assert_eq!(id_of("* **LOG-1** An offset"), Some("LOG-1"));
        assert_eq!(id_of("* **Bold** words"), None);
        assert!(names("// LOG-1: why", "LOG-1"));
        assert!(!names("// LOG-10: why", "LOG-1"));
    }
}
