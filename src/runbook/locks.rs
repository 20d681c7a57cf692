//! Which tables a statement locks, and how strongly: what it may have to wait for, and who will have to wait
//! for it. Read from the grammar's tree, after the server's documentation of its locks.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::model::Actor;
use super::sql_in;
use super::syntax::{SqlScript, Statement, read_sql};
use super::tables::{TableName, named};

/// The lock modes of a table, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    AccessShare,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

impl LockMode {
    const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// As `pg_locks` names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessShare => "AccessShareLock",
            Self::RowShare => "RowShareLock",
            Self::RowExclusive => "RowExclusiveLock",
            Self::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            Self::Share => "ShareLock",
            Self::ShareRowExclusive => "ShareRowExclusiveLock",
            Self::Exclusive => "ExclusiveLock",
            Self::AccessExclusive => "AccessExclusiveLock",
        }
    }

    /// Whether two sessions cannot have them at once.
    pub fn conflicts_with(self, other: Self) -> bool {
        let (weak, strong) = (self.min(other), self.max(other));
        match weak {
            Self::AccessShare => strong == Self::AccessExclusive,
            Self::RowShare => strong >= Self::Exclusive,
            // Writers do not wait for each other, nor for a VACUUM.
            Self::RowExclusive => strong >= Self::Share,
            Self::Share => strong > Self::Share,
            Self::ShareUpdateExclusive
            | Self::ShareRowExclusive
            | Self::Exclusive
            | Self::AccessExclusive => true,
        }
    }

    /// Those that it waits for.
    pub fn conflicts(self) -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(move |other| self.conflicts_with(*other))
    }
}

/// A table that a command locks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableLock {
    /// Or the index that leads to it.
    pub table: TableName,
    pub mode: LockMode,
    /// `CONCURRENTLY`: it also waits for every transaction that is open.
    pub waits_for_all: bool,
}

/// The tables that a command locks more strongly than a reader does, each once with its strongest mode, in
/// the order in which they are named.
pub fn locks_of(code: &str, actor: Actor) -> Vec<TableLock> {
    match actor {
        Actor::Sql => of_script(&read_sql(code)),
        Actor::Shell => of_script(&read_sql(&sql_in(code))),
        Actor::Http | Actor::Nobody => Vec::new(),
    }
}

fn of_script(script: &SqlScript) -> Vec<TableLock> {
    let mut locks: Vec<TableLock> = Vec::new();
    for statement in script.statements() {
        let Some(tree) = script.tree(statement) else {
            continue;
        };
        let reader = Reader { script, statement };
        for lock in tree.children().flat_map(|node| reader.of_statement(&node)) {
            match locks.iter_mut().find(|known| known.table == lock.table) {
                Some(known) => {
                    known.mode = known.mode.max(lock.mode);
                    known.waits_for_all |= lock.waits_for_all;
                }
                None => locks.push(lock),
            }
        }
    }
    locks
}

struct Reader<'a> {
    script: &'a SqlScript,
    statement: &'a Statement,
}

impl Reader<'_> {
    fn of_statement(&self, node: &SyntaxNode) -> Vec<TableLock> {
        use LockMode as Mode;
        use SyntaxKind as Kind;
        let concurrently = has_word(node, "concurrently");
        let either = |with, without| if concurrently { with } else { without };
        let tables = |mode| self.lock(node, &TABLES, mode, concurrently);
        match node.kind() {
            Kind::ALTER_TABLE => self.of_alter_table(node),
            Kind::CREATE_INDEX => self.first(
                node,
                either(Mode::ShareUpdateExclusive, Mode::Share),
                concurrently,
            ),
            Kind::DROP_INDEX => {
                let mode = either(Mode::ShareUpdateExclusive, Mode::AccessExclusive);
                self.lock(node, &[Kind::INDEX_REF], mode, concurrently)
            }
            Kind::REINDEX => {
                let mode = either(Mode::ShareUpdateExclusive, Mode::Share);
                self.lock(
                    node,
                    &[TABLES[0], TABLES[1], Kind::INDEX_REF],
                    mode,
                    concurrently,
                )
            }
            Kind::REFRESH => {
                let mode = either(Mode::Exclusive, Mode::AccessExclusive);
                self.lock(node, &[Kind::VIEW_REF], mode, false)
            }
            Kind::VACUUM if has_word(node, "full") => tables(Mode::AccessExclusive),
            Kind::VACUUM | Kind::ANALYZE => tables(Mode::ShareUpdateExclusive),
            Kind::DROP_TABLE | Kind::TRUNCATE | Kind::CLUSTER => tables(Mode::AccessExclusive),
            Kind::LOCK => tables(lock_mode(node)),
            Kind::CREATE_TRIGGER => self.first(node, Mode::ShareRowExclusive, false),
            Kind::DROP_TRIGGER
            | Kind::CREATE_RULE
            | Kind::DROP_RULE
            | Kind::CREATE_POLICY
            | Kind::ALTER_POLICY
            | Kind::DROP_POLICY => self.first(node, Mode::AccessExclusive, false),
            Kind::CREATE_TABLE => self.referenced(node),
            Kind::INSERT | Kind::UPDATE | Kind::DELETE | Kind::MERGE => {
                self.first(node, Mode::RowExclusive, false)
            }
            Kind::COPY if has_word(node, "from") => self.first(node, Mode::RowExclusive, false),
            _ => Vec::new(),
        }
    }

    fn of_alter_table(&self, node: &SyntaxNode) -> Vec<TableLock> {
        let actions = node
            .children()
            .filter(|child| !TABLES.contains(&child.kind()));
        let mode = actions.filter_map(|action| of_action(&action)).max();
        let mut locks = self.first(node, mode.unwrap_or(LockMode::AccessExclusive), false);
        let partitions = node.children().filter(|child| {
            [SyntaxKind::ATTACH_PARTITION, SyntaxKind::DETACH_PARTITION].contains(&child.kind())
        });
        for partition in partitions {
            let mode = match has_word(&partition, "concurrently") {
                true => LockMode::ShareUpdateExclusive,
                false => LockMode::AccessExclusive,
            };
            locks.extend(self.lock(&partition, &TABLES, mode, false));
        }
        locks.extend(self.referenced(node));
        locks
    }

    /// Tables that foreign keys lead to.
    fn referenced(&self, node: &SyntaxNode) -> Vec<TableLock> {
        let keys = node.descendants().filter(is_foreign_key);
        keys.flat_map(|key| self.lock(&key, &TABLES, LockMode::ShareRowExclusive, false))
            .collect()
    }

    /// The first table that it names, what is only read in its `WITH` left out.
    fn first(&self, node: &SyntaxNode, mode: LockMode, waits_for_all: bool) -> Vec<TableLock> {
        let parts = node
            .children()
            .filter(|child| child.kind() != SyntaxKind::WITH_CLAUSE);
        let locks = parts.flat_map(|part| self.lock(&part, &TABLES, mode, waits_for_all));
        locks.take(1).collect()
    }

    fn lock(
        &self,
        node: &SyntaxNode,
        kinds: &[SyntaxKind],
        mode: LockMode,
        waits_for_all: bool,
    ) -> Vec<TableLock> {
        let names = node
            .descendants()
            .filter(|node| kinds.contains(&node.kind()));
        names
            .filter_map(|node| named(self.script, self.statement, &node))
            .map(|table| TableLock {
                table,
                mode,
                waits_for_all,
            })
            .collect()
    }
}

const TABLES: [SyntaxKind; 2] = [SyntaxKind::TABLE_NAME_REF, SyntaxKind::RELATION_NAME_REF];

/// `None`: what stands beside the actions.
fn of_action(node: &SyntaxNode) -> Option<LockMode> {
    use SyntaxKind as Kind;
    let has = |kinds: &[Kind]| {
        node.descendants()
            .any(|inner| kinds.contains(&inner.kind()))
    };
    Some(match node.kind() {
        Kind::TABLE_RELATION_NAME | Kind::IF_EXISTS => return None,
        Kind::VALIDATE_CONSTRAINT
        | Kind::CLUSTER_ON
        | Kind::SET_WITHOUT_CLUSTER
        | Kind::ATTACH_PARTITION
        | Kind::SET_OPTIONS
        | Kind::RESET_OPTIONS => LockMode::ShareUpdateExclusive,
        Kind::DETACH_PARTITION if has_word(node, "concurrently") => LockMode::ShareUpdateExclusive,
        Kind::ALTER_COLUMN if has(&[Kind::SET_STATISTICS, Kind::SET_OPTIONS]) => {
            LockMode::ShareUpdateExclusive
        }
        Kind::ADD_CONSTRAINT if has(&[Kind::FOREIGN_KEY_CONSTRAINT]) => LockMode::ShareRowExclusive,
        Kind::ENABLE_TRIGGER
        | Kind::ENABLE_REPLICA_TRIGGER
        | Kind::ENABLE_ALWAYS_TRIGGER
        | Kind::DISABLE_TRIGGER => LockMode::ShareRowExclusive,
        _ => LockMode::AccessExclusive,
    })
}

fn is_foreign_key(node: &SyntaxNode) -> bool {
    matches!(
        node.kind(),
        SyntaxKind::FOREIGN_KEY_CONSTRAINT | SyntaxKind::REFERENCES_CONSTRAINT
    )
}

/// `LOCK TABLE … IN SHARE MODE`.
fn lock_mode(node: &SyntaxNode) -> LockMode {
    let clause = node
        .descendants()
        .find(|node| node.kind() == SyntaxKind::LOCK_MODE_CLAUSE);
    let written: String = clause
        .iter()
        .flat_map(words)
        .filter(|word| !["in", "mode"].contains(&word.as_str()))
        .collect();
    let name = |mode: &LockMode| mode.name().trim_end_matches("Lock").to_lowercase();
    let known = LockMode::ALL.into_iter().find(|mode| name(mode) == written);
    known.unwrap_or(LockMode::AccessExclusive)
}

fn words(node: &SyntaxNode) -> Vec<String> {
    let tokens = node
        .descendants_with_tokens()
        .filter_map(|element| element.into_token());
    tokens
        .filter(|token| !token.kind().is_trivia())
        .map(|token| token.text().to_lowercase())
        .collect()
}

fn has_word(node: &SyntaxNode, word: &str) -> bool {
    words(node).iter().any(|one| one == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locks(code: &str) -> Vec<String> {
        locks_of(code, Actor::Sql)
            .into_iter()
            .map(|lock| {
                let all = if lock.waits_for_all { " and all" } else { "" };
                format!("{} {:?}{all}", lock.table.name, lock.mode)
            })
            .collect()
    }

    #[test]
    fn a_statement_locks_what_it_changes_as_strongly_as_the_server_documents() {
        let cases = [
            (
                "ALTER TABLE shop.items ADD COLUMN n int",
                "items AccessExclusive",
            ),
            (
                "ALTER TABLE items VALIDATE CONSTRAINT c",
                "items ShareUpdateExclusive",
            ),
            (
                "ALTER TABLE items ALTER COLUMN n SET STATISTICS 500",
                "items ShareUpdateExclusive",
            ),
            (
                "ALTER TABLE items SET (fillfactor = 70)",
                "items ShareUpdateExclusive",
            ),
            (
                "ALTER TABLE items DISABLE TRIGGER t",
                "items ShareRowExclusive",
            ),
            ("CREATE INDEX ON items (n)", "items Share"),
            (
                "CREATE INDEX CONCURRENTLY i ON items (n)",
                "items ShareUpdateExclusive and all",
            ),
            (
                "DROP INDEX CONCURRENTLY items_n",
                "items_n ShareUpdateExclusive and all",
            ),
            ("DROP INDEX items_n", "items_n AccessExclusive"),
            ("VACUUM FULL items", "items AccessExclusive"),
            ("VACUUM (ANALYZE) items", "items ShareUpdateExclusive"),
            ("TRUNCATE items", "items AccessExclusive"),
            (
                "LOCK TABLE items IN SHARE ROW EXCLUSIVE MODE",
                "items ShareRowExclusive",
            ),
            ("LOCK TABLE items", "items AccessExclusive"),
            ("UPDATE items SET n = 1", "items RowExclusive"),
            (
                "INSERT INTO items SELECT * FROM old_items",
                "items RowExclusive",
            ),
            ("DELETE FROM items USING orders", "items RowExclusive"),
            (
                "WITH old AS (SELECT id FROM orders) UPDATE items SET n = 1 FROM old",
                "items RowExclusive",
            ),
            (
                "REFRESH MATERIALIZED VIEW CONCURRENTLY totals",
                "totals Exclusive",
            ),
        ];
        for (code, wanted) in cases {
            assert_eq!(locks(code), [wanted], "{code}");
        }
    }

    #[test]
    fn a_foreign_key_locks_the_table_that_it_leads_to() {
        let code = "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (item) REFERENCES items (id)";
        assert_eq!(
            locks(code),
            ["orders ShareRowExclusive", "items ShareRowExclusive"]
        );
        assert_eq!(
            locks("CREATE TABLE notes (item int REFERENCES items (id))"),
            ["items ShareRowExclusive"]
        );
    }

    #[test]
    fn readers_lock_nothing_and_the_strongest_lock_of_a_table_counts() {
        assert!(locks("SELECT * FROM items; COPY items TO STDOUT; BEGIN; COMMIT").is_empty());
        assert!(locks("ALTER TABLE :table ADD COLUMN n int").is_empty());
        assert_eq!(
            locks("UPDATE items SET n = 1; ALTER TABLE items DROP COLUMN n; DELETE FROM orders"),
            ["items AccessExclusive", "orders RowExclusive"]
        );
    }

    #[test]
    fn modes_conflict_as_in_the_servers_table() {
        let conflicts = |mode: LockMode| mode.conflicts().count();
        let counts = LockMode::ALL.map(conflicts);
        assert_eq!(counts, [1, 2, 4, 5, 5, 6, 7, 8]);
        assert!(!LockMode::RowExclusive.conflicts_with(LockMode::ShareUpdateExclusive));
        assert!(!LockMode::Share.conflicts_with(LockMode::Share));
        assert!(LockMode::ShareUpdateExclusive.conflicts_with(LockMode::ShareUpdateExclusive));
    }
}
