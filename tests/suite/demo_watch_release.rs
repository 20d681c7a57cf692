//! The demo `watch-release`: a release is watched through its windows, without a person and in a
//! terminal, and what is broken in it ends by the rollback that its guide prescribes.

use crate::support::home::Home;
use crate::support::operator::Operator;

/// A day in 12 seconds.
const SHORT: &str = "1/7200";

/// What the sample system must be like again after a rollback.
fn is_as_before(said: &str) {
    let compared = said.split_once("compared with the beginning:\n");
    let (_, parts) = compared.unwrap_or_else(|| panic!("nothing was compared:\n{said}"));
    let parts: Vec<&str> = parts
        .lines()
        .take_while(|line| line.starts_with("  "))
        .collect();
    assert_eq!(parts.len(), 5, "{said}");
    for part in parts {
        assert!(part.contains(": as before ("), "{said}");
    }
}

/// Walks without a person; returns what was said.
fn broken(name: &str, scale: &str) -> String {
    let home = Home::new();
    let said = home
        .gonogo(&[
            "demo",
            "watch-release",
            "--headless",
            "--break",
            name,
            "--scale",
            scale,
        ])
        .exits(4)
        .err;
    is_as_before(&said);
    said
}

#[test]
fn a_good_release_is_watched_through_all_its_windows() {
    let home = Home::new();
    let done = home
        .gonogo(&[
            "demo",
            "watch-release",
            "--headless",
            "--json",
            "--scale",
            SHORT,
        ])
        .exits(0);
    let status = done.json();
    assert_eq!(status["state"], "done");
    let soaks = status["soaks"].as_array().unwrap();
    assert_eq!(soaks.len(), 5);
    for soak in soaks {
        assert!(
            soak["ended"]["reason"].is_null(),
            "none was cut short: {soak:#}"
        );
        assert_eq!(soak["breaches"].as_array().unwrap().len(), 0, "{soak:#}");
    }
    assert!(
        done.err
            .contains("versions: CHANGED, from chat old, portal old to chat new, portal new")
    );
    assert!(
        done.err.contains("messages: as before (25000 rows"),
        "{}",
        done.err
    );
}

#[test]
fn a_leak_is_a_red_flag_of_the_load() {
    let said = broken("leak", "1/2400");
    assert!(
        said.contains("no-go: red flag") && said.contains("json.memory_percent"),
        "{said}"
    );
}

#[test]
fn an_open_debug_endpoint_is_a_red_flag() {
    let said = broken("exposed", SHORT);
    assert!(
        said.contains("no-go: red flag") && said.contains("in `debug`"),
        "{said}"
    );
}

#[test]
fn services_that_flap_are_a_red_flag() {
    let said = broken("flap", SHORT);
    // Whoever asks first meets it: the probes, or the check of the window.
    let is_met = said.contains("portal.healthy") || said.contains("in `health`");
    assert!(said.contains("no-go: red flag") && is_met, "{said}");
}

#[test]
fn messages_without_an_organisation_fail_the_check_of_the_data() {
    let said = broken("unattributed", SHORT);
    assert!(
        said.contains("no-go: red flag") && said.contains("r.missing"),
        "{said}"
    );
}

#[test]
fn an_operator_walks_the_release_to_the_end_of_the_day() {
    let home = Home::new();
    let mut operator = Operator::demo(&home, &["watch-release", "--scale", SHORT]);
    operator.terminal.wait_for("TIME 1/7200");
    operator.walks_to("DONE");
    operator.leaves();
    assert_eq!(operator.terminal.wait_exit(), 0);
    assert_eq!(home.status(&home.runs()[0])["state"], "done");
}

/// An operator who meets a red flag in the windows, and rolls back.
fn met_by_an_operator(name: &str) {
    let home = Home::new();
    let mut operator = Operator::demo(
        &home,
        &["watch-release", "--break", name, "--scale", "1/600"],
    );
    operator.walks_to("RED FLAG");
    operator.goes_back();
    operator.leaves();
    assert_eq!(operator.terminal.wait_exit(), 4);
    is_as_before(&operator.terminal.text());
}

#[test]
fn an_operator_meets_the_leak_and_rolls_back() {
    met_by_an_operator("leak");
}

#[test]
fn an_operator_meets_the_open_debug_endpoint_and_rolls_back() {
    met_by_an_operator("exposed");
}

#[test]
fn an_operator_meets_the_flapping_services_and_rolls_back() {
    met_by_an_operator("flap");
}

#[test]
fn an_operator_meets_unattributed_messages_and_rolls_back() {
    met_by_an_operator("unattributed");
}
