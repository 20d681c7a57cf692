//! The demo `star-schema`: a wide table becomes a star schema without a person; what is broken ends by the
//! rollback that the guide prescribes.

use crate::support::home::Home;

/// Parts that are like before the migration.
fn is_as_before(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(
            said.contains(&format!("{part}: as before (")),
            "{part}:\n{said}"
        );
    }
}

/// Walks without a person: it is stopped, and goes back.
fn broken(name: &str) -> String {
    let home = Home::new();
    home.gonogo(&["demo", "star-schema", "--headless", "--break", name])
        .exits(4)
        .err
}

#[test]
fn the_readers_are_moved_in_stages_and_the_old_table_is_put_away() {
    let home = Home::new();
    let said = home
        .gonogo(&["demo", "star-schema", "--headless"])
        .exits(0)
        .err;
    assert!(said.contains("done: every gate was passed"), "{said}");
    assert!(said.contains("tables: CHANGED"), "{said}");
    is_as_before(&said, &["positions"]);
}

#[test]
fn everything_goes_back_with_what_was_written_to_the_new_tables_alone() {
    let home = Home::new();
    let said = home
        .gonogo(&["demo", "star-schema", "--headless", "--rollback"])
        .exits(4)
        .err;
    is_as_before(&said, &["tables", "positions", "flags", "versions"]);
}

#[test]
fn rows_that_the_new_tables_refuse_stop_the_backfill() {
    let said = broken("rows");
    assert!(
        said.contains("no-go: step `Phase 2: Backfill` did not pass"),
        "{said}"
    );
    is_as_before(&said, &["tables", "positions", "flags", "versions"]);
}

#[test]
fn a_reader_that_falls_behind_at_half_of_its_visits_is_moved_back() {
    let said = broken("behind");
    assert!(
        said.contains("no-go: step `Dashboard` did not pass"),
        "{said}"
    );
    is_as_before(&said, &["positions"]);
}

#[test]
fn an_export_that_holds_the_old_table_keeps_it_from_being_put_away() {
    let said = broken("lock");
    assert!(
        said.contains("no-go: step `Phase 5: Put the old table away` did not pass"),
        "{said}"
    );
    is_as_before(&said, &["positions"]);
}
