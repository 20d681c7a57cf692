//! How each program that is linked to libpq is told where to go.

use super::Known;
use crate::libpq::{Parameters, conninfo};

/// What a program takes besides its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Positional {
    /// The database, then the role.
    DatabaseAndRole,
    Database,
    /// Nothing that names a place.
    Other,
}

pub(super) struct Program {
    name: &'static str,
    /// Short options that take a value.
    valued: &'static str,
    positional: Positional,
    /// It goes somewhere only with `-d`.
    only_with_database: bool,
    /// The short option that names the database, where it has one.
    database: Option<char>,
    /// It talks to the server, whatever database it enters by.
    pub(super) server: bool,
}

const fn program_of(
    name: &'static str,
    valued: &'static str,
    positional: Positional,
    database: Option<char>,
) -> Program {
    Program {
        name,
        valued,
        positional,
        only_with_database: false,
        database,
        server: false,
    }
}

const fn of_server(program: Program) -> Program {
    Program {
        server: true,
        ..program
    }
}

use Positional::{Database, DatabaseAndRole, Other};

const PROGRAMS: [Program; 18] = [
    program_of("psql", "cdfFhLopPRTUv", DatabaseAndRole, Some('d')),
    program_of("pg_dump", "dEFfhjKnNpSTtUZe", Database, Some('d')),
    Program {
        only_with_database: true,
        ..program_of("pg_restore", "dFfhIjLnNpPStTU", Other, Some('d'))
    },
    program_of("dropdb", "hpU", Database, None),
    program_of("pgbench", "bcDFfhIjLMPpRstTU", Database, None),
    program_of("vacuumdb", "dhjnNpPtU", Database, Some('d')),
    program_of("reindexdb", "dhijpStU", Database, Some('d')),
    program_of("clusterdb", "dhptU", Database, Some('d')),
    program_of("pg_amcheck", "dDhijprRsStTU", Database, Some('d')),
    program_of("vacuumlo", "hlpU", Database, None),
    program_of("oid2name", "dfHhoptU", Other, Some('d')),
    of_server(program_of("createdb", "DEhlOpSTU", Database, None)),
    of_server(program_of("createuser", "acgmpUhv", Other, None)),
    of_server(program_of("dropuser", "hpU", Other, None)),
    of_server(program_of("pg_dumpall", "dEfhlpSU", Other, Some('d'))),
    of_server(program_of(
        "pg_basebackup",
        "DdFhlprsSTtUXZ",
        Other,
        Some('d'),
    )),
    of_server(program_of("pg_isready", "dhptU", Other, Some('d'))),
    of_server(program_of("pg_receivewal", "DdhpsSUZE", Other, Some('d'))),
];

/// Long options that may have their value in the next word.
const VALUED: [&str; 32] = [
    "command",
    "dbname",
    "file",
    "host",
    "port",
    "username",
    "set",
    "variable",
    "output",
    "log-file",
    "field-separator",
    "record-separator",
    "pset",
    "table-attr",
    "format",
    "jobs",
    "schema",
    "table",
    "exclude-schema",
    "exclude-table",
    "exclude-table-data",
    "encoding",
    "superuser",
    "role",
    "compress",
    "section",
    "snapshot",
    "maintenance-db",
    "owner",
    "template",
    "tablespace",
    "index",
];

pub(super) fn program(name: &str) -> Option<&'static Program> {
    PROGRAMS.iter().find(|program| program.name == name)
}

impl Program {
    /// The parameters that its arguments name; `None` where it goes nowhere.
    ///
    /// # Errors
    /// Why nobody can tell.
    pub(super) fn read(&self, arguments: Vec<Known>) -> Result<Option<Parameters>, String> {
        if let Some(Known::Value(first)) = arguments.first()
            && matches!(&**first, "--version" | "-V" | "--help" | "-?")
        {
            return Ok(None);
        }
        let mut written = Parameters::new();
        let mut positional = Vec::new();
        let mut arguments = arguments.into_iter();
        let mut options_end = false;
        while let Some(argument) = arguments.next() {
            let text = match argument {
                Known::Value(text) => text,
                // An unknown word in the place of a database is the question itself.
                Known::Not(why) => {
                    positional.push(Err(why));
                    continue;
                }
            };
            if options_end || text == "-" || !text.starts_with('-') {
                positional.push(Ok(text));
            } else if text == "--" {
                options_end = true;
            } else if let Some(long) = text.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(Known::Value(value.to_owned()))),
                    None if VALUED.contains(&long) => (long, arguments.next()),
                    None => (long, None),
                };
                let parameter = match name {
                    "host" => "host",
                    "port" => "port",
                    "username" => "user",
                    "dbname" | "maintenance-db" => "dbname",
                    _ => continue,
                };
                put(&mut written, parameter, value)?;
            } else {
                self.short(&text[1..], &mut arguments, &mut written)?;
            }
        }
        if self.only_with_database && !written.contains_key("dbname") {
            return Ok(None);
        }
        let wanted: &[&str] = match self.positional {
            DatabaseAndRole => &["dbname", "user"],
            Database => &["dbname"],
            Other => &[],
        };
        let open = wanted
            .iter()
            .filter(|name| !(**name == "dbname" && written.contains_key("dbname")));
        let open: Vec<&str> = open.copied().collect();
        for (name, value) in open.into_iter().zip(positional) {
            put(
                &mut written,
                name,
                Some(value.map_or_else(Known::Not, Known::Value)),
            )?;
        }
        // A connection string in the place of a name wins over the options beside it.
        if let Some(text) = written
            .get("dbname")
            .filter(|text| conninfo::is_connection_string(text))
        {
            let inner = conninfo::parse(text)?;
            written.remove("dbname");
            written.extend(inner);
        }
        written.remove("password");
        Ok(Some(written))
    }

    /// `-Atqc VALUE`, `-hdb1`.
    fn short(
        &self,
        cluster: &str,
        arguments: &mut impl Iterator<Item = Known>,
        written: &mut Parameters,
    ) -> Result<(), String> {
        for (at, letter) in cluster.char_indices() {
            if !self.valued.contains(letter) {
                continue;
            }
            let rest = &cluster[at + letter.len_utf8()..];
            let value = match rest {
                "" => arguments.next(),
                rest => Some(Known::Value(rest.to_owned())),
            };
            let parameter = match letter {
                'h' => Some("host"),
                'p' => Some("port"),
                'U' => Some("user"),
                letter if Some(letter) == self.database => Some("dbname"),
                _ => None,
            };
            if let Some(parameter) = parameter {
                put(written, parameter, value)?;
            }
            break;
        }
        Ok(())
    }
}

fn put(written: &mut Parameters, name: &str, value: Option<Known>) -> Result<(), String> {
    match value {
        Some(Known::Value(value)) => {
            written.insert(name.to_owned(), value);
            Ok(())
        }
        Some(Known::Not(why)) => Err(why),
        None => Ok(()),
    }
}
