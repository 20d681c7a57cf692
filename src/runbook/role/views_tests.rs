//! Blocks whose titles tell a catalogue, whose comments ask a person to change a file, and what only
//! looks like a session, a result or a file.

use super::tests::{infer_in, infer_under, is_split, role};
use super::*;

#[test]
fn titles_that_tell_a_catalogue() {
    for code in [
        // For another day each.
        "# Weekly: tidy\nshopctl tidy\n\n# Monthly: shrink\nshopctl shrink",
        "# Wöchentlich: aufräumen\nshopctl tidy\n\n# Monatlich: schrumpfen\nshopctl shrink",
        // By this or by that.
        "# Revoke by number\ncertctl revoke --number 7\n\n# Revoke by file\ncertctl revoke --file old.crt",
        "# Load from the store\nboxctl load --id 7\n\n# Load from a file\nboxctl load < box.dump",
        // One of two databases.
        "./up\n\n# MySQL: wait for it\nmysqladmin ping\n\n# PostgreSQL: wait for it\npg_isready",
        // Things, not steps.
        "# Metrics stack\nstackctl add metrics\n\n# Mail\nstackctl add mail\n\n# Search index\nstackctl add search",
        "# Unit suite\nnpm test\n\n# With coverage\nnpm run cover\n\n# In the browser\nnpx browser-suite\n\n# Generate a report\nnpx report",
        // One act in two forms, and another way beside the usual one.
        "# Hand over to a node\nclusterctl node promote --to n1\n\n# Let it choose\nclusterctl node promote --any",
        "# See where it points\ncat pointer\n\n# Manual switch\n./switch.sh blue",
        // There and back.
        "# Upgrade to large\nboxctl size large\n\n# Downgrade to small\nboxctl size small",
        // Two environments, each with a remark.
        "# Development\nexport URL=one\n\n# Production (from the console)\nexport URL=two\n\n# Verify\npsql \"$URL\" -c 'SELECT 1'",
    ] {
        assert!(is_split(code), "{code}");
    }
    for code in [
        "# Save the disks\nboxctl save disks\n\n# Then the rest\nboxctl save rest",
        "# Build it\nboxctl build image\n\n# Push it\nboxctl push image",
        "# Install\nboxctl install\n\n# Then run the full suite\nboxctl test",
    ] {
        assert!(!is_split(code), "{code}");
    }
    let add = "# Search\nstackctl add search\n\n# Mail\nstackctl add mail";
    assert_eq!(infer_under("Optional services", add).role, Role::Split);
    assert_eq!(infer_under("Services", add).role, Role::Run);
}

#[test]
fn titles_that_tell_a_sequence() {
    for code in [
        "# 1. Weekly dump\nshopctl dump\n\n# 2. Monthly dump\nshopctl dump-all",
        "# List by region\nkubectl get pods -l region\n\n# List by name\nkubectl get pods -l name",
        "# Build the api\nstackctl build api\n\n# Push the api\nstackctl push api\n\n# Deploy it\nstackctl up api",
        "# Fermare tutto\nboxctl stop\n\n# Svuotare\nboxctl reset\n\n# Avviare\nboxctl start",
        "# System update\nsudo apt update\n\n# Firewall\nsudo ufw enable\n\n# Service\nsudo systemctl start shop",
        "# PostgreSQL: back it up\npg_dump shop > shop.sql\n\n# MySQL: stop it\nmysqladmin shutdown",
        "# Scale down for the move\nboxctl scale 0\n\n# Move\n./move.sh\n\n# Scale up\nboxctl scale 3",
    ] {
        assert!(!is_split(code), "{code}");
    }
    assert_eq!(
        role(
            "sql",
            "-- One\nUPDATE a SET b = 1;\n-- Other\nUPDATE a SET c = 1;\n-- Third\nUPDATE a SET d = 1;"
        ),
        Role::Run
    );
}

#[test]
fn a_file_that_a_person_changes_is_an_act() {
    for code in [
        "cp app.example app.conf\n# uncomment the port in app.conf\nmake up",
        "cp app.example app.conf\n# app.conf: port = 8080\nmake up",
        "# Give it more time\n# Edit compose.yml:\n#   interval: 60s\n\ndocker compose up -d",
        "rm other.yml\n# descomentar el puerto en app.conf\nmake up",
    ] {
        let verdict = infer_in("bash", "", code);
        assert_eq!(verdict.role, Role::Split, "{code}");
        assert!(
            verdict.parts.iter().any(|part| part.role == Role::Manual),
            "{code}"
        );
    }
    for code in [
        // The command does it.
        "# Edit app.conf\nsed -i s/80/8080/ app.conf\nmake up",
        "# Edit the port in app.conf\n./set-port app.conf 8080\nmake up",
        // Told after all commands.
        "cp app.example app.env\n# Edit app.env with your values",
    ] {
        assert!(!is_split(code), "{code}");
    }
}

#[test]
fn a_numbered_step_for_an_emergency_is_its_own_part() {
    let verdict = infer_in(
        "bash",
        "",
        "# 1. Stop\n./stop\n\n# 2. Undo\n./undo\n\n# 3. If the undo fails, restore\n./restore\n\n# 4. Start\n./start",
    );
    assert_eq!(verdict.role, Role::Split);
    let titles: Vec<&str> = verdict
        .parts
        .iter()
        .map(|part| part.title.as_str())
        .collect();
    assert_eq!(
        titles,
        ["Stop", "Undo", "If the undo fails, restore", "Start"]
    );
    assert!(verdict.parts[2].optional);
    assert!(!verdict.parts[3].optional);
}

#[test]
fn a_loop_is_one_statement() {
    for code in [
        "# Watch it\nwhile true; do\n  curl -s localhost/health\n  sleep 1\ndone",
        "for n in 1 2; do\n  # each\n  if ping -c 1 web$n; then\n    echo up\n  fi\ndone\necho done",
    ] {
        assert_eq!(role("bash", code), Role::Run, "{code}");
    }
    // One that is never closed takes nothing with it.
    assert!(is_split("while true; do\ntail -f a.log\ntail -f b.log"));
}

#[test]
fn the_head_of_a_file_and_a_good_example_are_content() {
    for code in [
        "-- Migration: 012_prices\n-- Author: the shop team\n\nBEGIN;\nALTER TABLE a ADD COLUMN b int;\nCOMMIT;",
        "-- Beschreibung: Preise\n-- Datum: 2024-01-02\nALTER TABLE a ADD COLUMN b int;",
        "-- ✅ Good: says what it is for\nCOMMENT ON TABLE a IS 'prices';",
    ] {
        assert_eq!(role("sql", code), Role::Content, "{code}");
    }
    for code in [
        "-- Date: how many are there today\nSELECT count(*) FROM a;",
        "-- ✅ All there\nSELECT count(*) FROM a;",
    ] {
        assert_eq!(role("sql", code), Role::Run, "{code}");
    }
}

#[test]
fn words_that_only_look_like_something_else() {
    // Tables are no tabs.
    assert_eq!(
        role(
            "sql",
            "-- Add columns\nALTER TABLE a ADD b int;\n\n-- Create new tables\nCREATE TABLE c (d int);"
        ),
        Role::Run
    );
    // What is done about an incident is no output.
    assert_eq!(
        infer_in("bash", "**Response:**", "systemctl restart shop").role,
        Role::Run
    );
    // An arrow in a remark is no drawing.
    assert_eq!(
        role("bash", "curl -fsS localhost/health   # → ok"),
        Role::Run
    );
    // A query over lines is SQL, also where its verb stands alone.
    assert_eq!(
        role(
            "bash",
            "# Sizes\nSELECT\n  a,\n  b\nFROM c\nWHERE d <> '<IDLE>';\n\n# Count\nSELECT count(*) FROM c;"
        ),
        Role::Run
    );
    for code in [
        "git clone https://git.shop.test/tu-org/tienda.git",
        "psql -f dump-v1.X.X.sql",
    ] {
        assert_eq!(role("bash", code), Role::Fill, "{code}");
    }
}

#[test]
fn a_client_of_a_platform_waits_for_a_person() {
    for command in [
        "fly postgres connect --app shop-db",
        "flyctl redis connect",
        "gcloud sql connect shop --user=admin",
        "docker attach shop",
    ] {
        let verdict = infer_in("bash", "", &format!("{command}\n# Look around"));
        assert_eq!(verdict.role, Role::Split, "{command}");
    }
    assert_eq!(role("bash", "fly postgres list"), Role::Run);
}
