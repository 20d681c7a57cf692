//! Where the commands of a block go: which database or host each of them would reach.

/// Programs that libpq leads to a server.
const LIBPQ_PROGRAMS: [&str; 21] = [
    "clusterdb",
    "createdb",
    "createuser",
    "dropdb",
    "dropuser",
    "ecpg",
    "oid2name",
    "pg_amcheck",
    "pg_basebackup",
    "pg_dump",
    "pg_dumpall",
    "pg_isready",
    "pg_receivewal",
    "pg_recvlogical",
    "pg_restore",
    "pg_rewind",
    "pgbench",
    "psql",
    "reindexdb",
    "vacuumdb",
    "vacuumlo",
];

/// Whether a shell text names a program that libpq leads to a server: then the database proves which
/// one it is before the text runs.
pub fn talks_to_postgres(code: &str) -> bool {
    code.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
        .any(|word| LIBPQ_PROGRAMS.binary_search(&word).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_postgres_are_found_wherever_they_stand() {
        assert!(LIBPQ_PROGRAMS.is_sorted());
        assert!(talks_to_postgres("time /usr/bin/psql -c 'x' | tee log"));
        assert!(talks_to_postgres("docker exec db pg_dump app"));
        assert!(!talks_to_postgres("echo psqlrc"));
    }
}
