//! Writes `[[annotations]]` into the text of a `gonogo.toml`. Everything else in the file stays byte for
//! byte what it was: new entries go to its end, and of an entry that is out of date only the two values
//! change.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{Annotation, parse_config};

/// The entries cannot be added to this text.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("annotations cannot be added to this `gonogo.toml`: {why}")]
pub struct NotAdded {
    pub why: String,
}

/// One entry as text; lines end with `\n`.
pub fn annotation_text(annotation: &Annotation) -> String {
    let occurrence = annotation
        .occurrence
        .map(|number| format!("occurrence = {number}\n"))
        .unwrap_or_default();
    format!(
        "[[annotations]]\nguide = {}\nheading = {}\nblock = {}\n{occurrence}attributes = {}\n",
        quoted(&annotation.guide),
        quoted(&annotation.heading),
        quoted(&annotation.block),
        quoted(&annotation.attributes),
    )
}

/// Adds entries to the text of a `gonogo.toml`. `stale` are entries of the same file that fit no block any
/// more: a new entry under the same heading of the same guide takes the place of one of them.
///
/// # Errors
/// The text is no TOML, or has `annotations` in a form that cannot be added to.
pub fn add_annotations(
    text: &str,
    annotations: &[Annotation],
    stale: &[Annotation],
) -> Result<String, NotAdded> {
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let before = parse_config("gonogo.toml", text).0.annotations;
    let places = places(text)?;
    let mut replaced: Vec<(Range<usize>, String)> = Vec::new();
    let mut expected = before.clone();
    let mut added = String::new();
    let mut used = Vec::new();
    for annotation in annotations {
        let slot = before.iter().enumerate().position(|(index, old)| {
            let same = old.guide == annotation.guide
                && old.heading == annotation.heading
                && old.occurrence == annotation.occurrence;
            same && !used.contains(&index) && (old.block == annotation.block || stale.contains(old))
        });
        if let Some(index) = slot
            && let Some(place) = places.get(index)
            && let Some(old) = before.get(index)
            && let Some(block) = &place.block
        {
            used.push(index);
            // What an entry for this very block says already, such as its name, is kept.
            let attributes = if old.block == annotation.block {
                format!("{} {}", old.attributes, annotation.attributes)
            } else {
                annotation.attributes.clone()
            };
            replaced.push((block.clone(), quoted(&annotation.block)));
            replaced.push((place.attributes.clone(), quoted(&attributes)));
            expected[index].block.clone_from(&annotation.block);
            expected[index].attributes = attributes;
        } else {
            added.push('\n');
            added.push_str(&annotation_text(annotation));
            expected.push(annotation.clone());
        }
    }
    let mut result = text.to_owned();
    replaced.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    for (range, value) in replaced {
        result.replace_range(range, &value);
    }
    if !added.is_empty() {
        if result.is_empty() {
            added.remove(0);
        } else if !result.ends_with('\n') {
            result.push_str(line_end);
        }
        result.push_str(&added.replace('\n', line_end));
    }
    // What was meant must be what is read; lines move.
    let (config, diagnostics) = parse_config("gonogo.toml", &result);
    let plain = |mut list: Vec<Annotation>| {
        for annotation in &mut list {
            annotation.line = 0;
        }
        list
    };
    if plain(config.annotations) == plain(expected) {
        return Ok(result);
    }
    Err(NotAdded {
        why: diagnostics.first().map_or_else(
            || "its `annotations` are no list of `[[annotations]]` tables".to_owned(),
            |diagnostic| format!("line {}: {}", diagnostic.line, diagnostic.message),
        ),
    })
}

/// Where the values of an entry stand.
struct Place {
    /// `None` for an entry about a heading.
    block: Option<Range<usize>>,
    attributes: Range<usize>,
}

/// The entries that [`parse_config`] reads, in its order.
fn places(text: &str) -> Result<Vec<Place>, NotAdded> {
    let table = DeTable::parse(text).map_err(|error| NotAdded {
        why: error.message().to_owned(),
    })?;
    let entries = table
        .get_ref()
        .get("annotations")
        .map(|value| value.get_ref());
    let Some(DeValue::Array(entries)) = entries else {
        return Ok(Vec::new());
    };
    Ok(entries
        .iter()
        .filter_map(|entry| {
            let table = entry.get_ref().as_table()?;
            for needed in ["guide", "heading"] {
                table.get(needed)?;
            }
            Some(Place {
                block: table.get("block").map(|value| value.span()),
                attributes: table.get("attributes")?.span(),
            })
        })
        .collect())
}

/// A TOML string, without escapes where the text allows it.
fn quoted(text: &str) -> String {
    let plain = !text.chars().any(char::is_control);
    if plain && !text.contains(['"', '\\']) {
        return format!("\"{text}\"");
    }
    if plain && !text.contains('\'') {
        return format!("'{text}'");
    }
    let mut escaped = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            other if other.is_control() => {
                escaped.push_str(&format!("\\u{:04X}", u32::from(other)));
            }
            other => escaped.push(other),
        }
    }
    escaped.push('"');
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotation(heading: &str, block: &str, attributes: &str) -> Annotation {
        Annotation {
            guide: "deploy.md".to_owned(),
            heading: heading.to_owned(),
            block: block.to_owned(),
            attributes: attributes.to_owned(),
            ..Annotation::default()
        }
    }

    #[test]
    fn entries_go_to_the_end_and_the_rest_stays() {
        for text in [
            "",
            "# ours\r\n[environments.a]\r\nprotected = true # yes\r\n",
            "default_environment = \"a\"\n\n[environments.a]   # no line end",
            "\u{feff}[environments.a]\n",
        ] {
            let new = annotation(
                "A > \"B\" 'c' \\d",
                "0123",
                ".check expect=\"value == 'x'\"",
            );
            let added =
                add_annotations(text, &[new.clone(), annotation("Z", "9", ".run")], &[]).unwrap();
            assert!(added.starts_with(text), "{added}");
            let config = parse_config("gonogo.toml", &added);
            assert_eq!(config.1, []);
            assert_eq!(config.0.annotations.len(), 2);
            assert_eq!(config.0.annotations[0].heading, new.heading);
            assert_eq!(config.0.annotations[0].attributes, new.attributes);
            assert_eq!(added.matches('\r').count() > 0, text.contains('\r'));
        }
    }

    #[test]
    fn an_entry_that_is_out_of_date_gives_its_place_to_the_new_one() {
        let text = "[[annotations]] # reviewed\nguide = \"deploy.md\"\nheading = \"A\"\nblock = \"old\"\nattributes = \".run\" # by Anna\n\n[environments.a]\n";
        let stale = parse_config("gonogo.toml", text).0.annotations;
        let added = add_annotations(text, &[annotation("A", "new", ".check")], &stale).unwrap();
        assert_eq!(
            added,
            text.replace("\"old\"", "\"new\"")
                .replace("\".run\"", "\".check\"")
        );
        let kept = add_annotations(text, &[annotation("A", "new", ".check")], &[]).unwrap();
        assert!(kept.starts_with(text), "an entry that counts is left alone");
    }

    #[test]
    fn a_form_that_cannot_be_added_to_is_said() {
        let inline = "annotations = []\n";
        assert!(add_annotations(inline, &[annotation("A", "1", ".run")], &[]).is_err());
        assert!(add_annotations("[broken", &[annotation("A", "1", ".run")], &[]).is_err());
    }
}
