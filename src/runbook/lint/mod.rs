//! What is wrong with a guide, or will surprise the person who walks it.

/// The closest of `known` to what was written, as advice.
pub(super) fn did_you_mean(written: &str, known: &[&str]) -> String {
    let closest = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(written, candidate), *candidate))
        .min();
    match closest {
        Some((distance, candidate)) if distance <= 1 + written.chars().count() / 3 => {
            format!("did you mean `{candidate}`?")
        }
        _ => format!("known are {}", list(known)),
    }
}

fn list(known: &[&str]) -> String {
    known
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
