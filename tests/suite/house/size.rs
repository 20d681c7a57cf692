//! How large things are: a function is read on one screen or two.

use super::sources;

const LONGEST: usize = 100;

/// Functions of a formatted source with their lines: from `fn` to the brace in the same column.
fn functions(code: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let mut words = line.trim_start().split(' ');
        let Some(name) = words
            .by_ref()
            .find(|word| {
                !matches!(*word, "pub" | "async" | "const" | "unsafe") && !word.starts_with("pub(")
            })
            .filter(|word| *word == "fn")
            .and_then(|_| words.next())
        else {
            continue;
        };
        let close = format!("{}}}", " ".repeat(indent));
        let rest = &lines[number..];
        if let Some(end) = rest.iter().position(|line| *line == close) {
            found.push((
                name.split(['(', '<']).next().unwrap_or(name).to_owned(),
                end + 1,
            ));
        }
    }
    found
}

#[test]
fn no_function_is_longer_than_a_hundred_lines() {
    let mut long = Vec::new();
    for source in sources().into_iter().filter(|source| !source.is_test()) {
        let path = source.path.display();
        for (name, lines) in functions(source.code()) {
            if lines > LONGEST {
                long.push(format!("{path}: `{name}` has {lines} lines"));
            }
        }
    }
    assert!(
        long.is_empty(),
        "functions of more than {LONGEST} lines:\n{}",
        long.join("\n")
    );
}

#[test]
fn the_lines_of_a_function_are_counted_to_its_brace() {
    let code = "pub(crate) async fn one(a: u8) -> u8 {\n    a\n}\n\nimpl X {\n    fn two(&self) {\n    }\n}\n";
    assert_eq!(
        functions(code),
        [("one".to_owned(), 3), ("two".to_owned(), 2)]
    );
}
