//! The demo `counters`: the same guide on staging, then on production, without a person. What is broken on
//! production ends by the rollback of the guide.

use crate::support::home::Home;

/// What must be like before the deployment.
fn is_as_before(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(
            said.contains(&format!("{part}: as before (")),
            "{part}:\n{said}"
        );
    }
}

const PRODUCTION: [&str; 4] = [
    "production, columns",
    "production, messages",
    "production, itineraries",
    "production, version",
];

/// Walks without a person: staging is done, production goes back.
fn broken(name: &str) -> String {
    let home = Home::new();
    let said = home
        .gonogo(&["demo", "counters", "--headless", "--break", name])
        .exits(4)
        .err;
    assert!(
        said.contains("done: every gate was passed\n`production` is next"),
        "{said}"
    );
    assert!(said.contains("staging, columns: CHANGED"), "{said}");
    is_as_before(&said, &PRODUCTION);
    said
}

#[test]
fn the_guide_goes_to_staging_and_then_to_production() {
    let home = Home::new();
    let said = home
        .gonogo(&["demo", "counters", "--headless"])
        .exits(0)
        .err;
    assert_eq!(
        said.matches("done: every gate was passed").count(),
        2,
        "{said}"
    );
    let runs = home.runs();
    assert_eq!(runs.len(), 2);
    let report = home.gonogo(&["report", &runs[0]]).exits(0).out;
    assert!(
        report.contains(&runs[1]),
        "the promotion names the run of staging:\n{report}"
    );
    assert!(said.contains("production, columns: CHANGED"), "{said}");
    is_as_before(&said, &["production, messages", "production, itineraries"]);
}

#[test]
fn production_is_taken_back_by_a_transaction_that_is_looked_at_before_its_commit() {
    let home = Home::new();
    let said = home
        .gonogo(&["demo", "counters", "--headless", "--rollback"])
        .exits(4)
        .err;
    is_as_before(&said, &["production, columns", "production, version"]);
}

#[test]
fn drift_on_production_is_a_red_flag() {
    let said = broken("drift");
    assert!(
        said.contains("no-go: red flag") && said.contains("r.mismatches"),
        "{said}"
    );
}

#[test]
fn a_lock_holder_on_production_blocks_the_migration() {
    let said = broken("lock");
    assert!(
        said.contains("no-go: step `Add the counters` did not pass"),
        "{said}"
    );
}
