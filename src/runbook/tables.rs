//! Tables that the SQL of a guide names, as the grammar tells them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::model::{Actor, Runbook};
use super::sql_in;
use super::syntax::{SqlScript, Statement, read_sql};

/// Names that are watched; a guide that names more is no guide but a dump.
const MOST: usize = 100;

/// A table as the catalog has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableName {
    pub schema: Option<String>,
    pub name: String,
}

/// Every table that a guide's SQL names; some may be of other databases, or not be there yet.
pub fn tables_of(runbook: &Runbook) -> Vec<TableName> {
    let mut found = BTreeSet::new();
    for block in &runbook.blocks {
        match block.actor {
            Actor::Sql => tables_in(&read_sql(&block.code), &mut found),
            Actor::Shell => tables_in(&read_sql(&sql_in(&block.code)), &mut found),
            Actor::Http | Actor::Nobody => {}
        }
    }
    found.into_iter().take(MOST).collect()
}

fn tables_in(script: &SqlScript, found: &mut BTreeSet<TableName>) {
    for statement in script.statements() {
        let Some(tree) = script.tree(statement) else {
            continue;
        };
        let names = tree.descendants().filter(names_a_table);
        found.extend(names.filter_map(|node| named(script, statement, &node)));
    }
}

fn names_a_table(node: &SyntaxNode) -> bool {
    matches!(
        node.kind(),
        SyntaxKind::TABLE_NAME | SyntaxKind::TABLE_NAME_REF | SyntaxKind::RELATION_NAME_REF
    )
}

/// The name in this part of a statement's tree; `None` where a variable or a blank makes it up.
pub(super) fn named(
    script: &SqlScript,
    statement: &Statement,
    node: &SyntaxNode,
) -> Option<TableName> {
    let range = node.text_range();
    let start = statement.body().start;
    let (from, to) = (usize::from(range.start()), usize::from(range.end()));
    let written = script.source().get(start + from..start + to)?;
    if node.text() != written {
        return None;
    }
    let tokens = node
        .descendants_with_tokens()
        .filter_map(|element| element.into_token());
    let mut parts: Vec<String> = tokens
        .filter(|token| !token.kind().is_trivia())
        .map(|token| token.text().to_owned())
        .filter(|text| {
            text.starts_with('"') || text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        })
        .map(|text| as_kept(&text))
        .collect();
    let name = parts.pop()?;
    Some(TableName {
        schema: parts.pop(),
        name,
    })
}

/// A name as the server keeps it.
fn as_kept(text: &str) -> String {
    match text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => text.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::parse;

    #[test]
    fn the_tables_of_a_guide_are_those_that_its_sql_names() {
        let guide = "# G\n\n## Phase 1: A\n\n```sql\n\
            ALTER TABLE shop.Items ADD COLUMN n int;\n\
            CREATE INDEX CONCURRENTLY items_n ON \"Old Items\" (n);\n\
            UPDATE stock s SET n = o.n FROM ONLY orders o WHERE o.id = s.id;\n\
            -- DROP TABLE never;\n\
            SELECT count(*) FROM :\"table\";\n```\n\n\
            ```bash\npsql -c 'TRUNCATE audits'\n```\n";
        let found = tables_of(&parse("g.md", guide.as_bytes()));
        let words: Vec<String> = found
            .into_iter()
            .map(|table| match table.schema {
                Some(schema) => format!("{schema}.{}", table.name),
                None => table.name,
            })
            .collect();
        assert_eq!(
            words,
            ["Old Items", "audits", "orders", "stock", "shop.items"]
        );
    }
}
