//! Indexes that a script builds while others go on writing. Such a build that is interrupted leaves an
//! index that is there and never used; only the catalog tells.

use super::syntax::{SqlToken, SqlTokenKind, read_sql};

/// What a script builds `CONCURRENTLY`, as the catalog has it: names without their schemas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConcurrentBuilds {
    pub indexes: Vec<String>,
    /// Tables with indexes whose names the script does not say.
    pub tables: Vec<String>,
}

impl ConcurrentBuilds {
    pub fn of(code: &str) -> Self {
        let script = read_sql(code);
        let mut builds = Self::default();
        for statement in script.statements() {
            let words = Words {
                code,
                tokens: &statement.tokens,
            };
            match statement.verb(code).as_str() {
                "CREATE" => builds.create(&words),
                "REINDEX" => builds.rebuild(&words),
                _ => {}
            }
        }
        builds
    }

    pub fn is_empty(&self) -> bool {
        self.indexes.is_empty() && self.tables.is_empty()
    }

    fn create(&mut self, words: &Words<'_>) {
        let Some(at) = words.find(0, "concurrently") else {
            return;
        };
        if words.find(0, "index").is_none_or(|index| index + 1 != at) {
            return;
        }
        let exists = ["if", "not", "exists"];
        let guarded = exists
            .iter()
            .zip(at + 1..)
            .all(|(word, at)| words.is(at, word));
        let at = at + 1 + if guarded { exists.len() } else { 0 };
        if !words.is(at, "on") {
            self.indexes.extend(words.name(at));
            return;
        }
        let only = usize::from(words.is(at + 1, "only"));
        self.tables.extend(words.name(at + 1 + only));
    }

    /// `REINDEX INDEX CONCURRENTLY name`, `REINDEX (CONCURRENTLY) TABLE name`.
    fn rebuild(&mut self, words: &Words<'_>) {
        if words.find(0, "concurrently").is_none() {
            return;
        }
        let named = |kind: &str| {
            let at = words.find(0, kind)? + 1;
            words.name(at + usize::from(words.is(at, "concurrently")))
        };
        self.indexes.extend(named("index"));
        self.tables.extend(named("table"));
    }
}

struct Words<'a> {
    code: &'a str,
    tokens: &'a [SqlToken],
}

impl Words<'_> {
    fn is(&self, at: usize, word: &str) -> bool {
        let token = self.tokens.get(at);
        token.is_some_and(|token| token.is_word(self.code, word))
    }

    fn find(&self, from: usize, word: &str) -> Option<usize> {
        (from..self.tokens.len()).find(|at| self.is(*at, word))
    }

    /// The last part of a name, as the server keeps it.
    fn name(&self, mut at: usize) -> Option<String> {
        let text = |at: usize| self.tokens.get(at).map(|token| token.span.of(self.code));
        while text(at + 1) == Some(".") {
            at += 2;
        }
        let token = self.tokens.get(at)?;
        let text = token.span.of(self.code);
        match token.kind {
            SqlTokenKind::Word => {
                let last = text.rsplit('.').next().unwrap_or(text);
                Some(last.to_lowercase())
            }
            SqlTokenKind::Identifier => Some(text.trim_matches('"').replace("\"\"", "\"")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_beside_the_writers_is_known_by_name_or_by_table() {
        let builds = ConcurrentBuilds::of(
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS Items_N ON shop.items (n);\n\
             create index concurrently on only shop.\"Orders\" (id);\n\
             CREATE INDEX plain ON items (n);\n\
             REINDEX INDEX CONCURRENTLY shop.items_k;\n\
             REINDEX (VERBOSE, CONCURRENTLY) TABLE customers;\n\
             -- CREATE INDEX CONCURRENTLY a ON b (c);\n\
             SELECT 'CREATE INDEX CONCURRENTLY a ON b (c)';",
        );
        assert_eq!(builds.indexes, ["items_n", "items_k"]);
        assert_eq!(builds.tables, ["Orders", "customers"]);
        assert!(ConcurrentBuilds::of("CREATE INDEX a ON b (c);").is_empty());
    }
}
