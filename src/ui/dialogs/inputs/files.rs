//! The files that a pattern of a guide matches now, the newest first.

use std::path::Path;
use std::time::SystemTime;

/// As many as a person looks through.
const MOST: usize = 50;

/// Names as the pattern writes them (`backups/app_*.dump` gives `backups/app_1.dump`). Only the last
/// part of a pattern may hold `*`; nothing where the folder cannot be read.
pub(super) fn matching(directory: &Path, pattern: &str) -> Vec<String> {
    let (folder, name) = match pattern.rsplit_once('/') {
        Some((folder, name)) => (format!("{folder}/"), name),
        None => (String::new(), pattern),
    };
    let Ok(entries) = std::fs::read_dir(directory.join(&folder)) else {
        return Vec::new();
    };
    let mut found: Vec<(SystemTime, String)> = entries
        .flatten()
        .filter_map(|entry| {
            let file = entry.file_name().into_string().ok()?;
            let meant = matches(name, &file) && !file.starts_with('.');
            let data = entry
                .metadata()
                .ok()
                .filter(|data| meant && data.is_file())?;
            let changed = data.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            Some((changed, format!("{folder}{file}")))
        })
        .collect();
    found.sort_by(|one, other| other.cmp(one));
    found.truncate(MOST);
    found.into_iter().map(|(_, file)| file).collect()
}

/// `*` is any text, and nothing else is special.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_the_files_that_a_shell_would_take() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("kept")).unwrap();
        for name in [
            "shop_1.dump",
            "shop_2.dump",
            "shop_1.log",
            "kept/shop_3.dump",
        ] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let mut found = matching(folder.path(), "shop_*.dump");
        found.sort();
        assert_eq!(found, ["shop_1.dump", "shop_2.dump"]);
        assert_eq!(matching(folder.path(), "kept/*.dump"), ["kept/shop_3.dump"]);
        assert!(matching(folder.path(), "gone/*.dump").is_empty());
    }
}
