//! Blocks that hold one act in several forms, another host, a lesson or a piece of a file, each with a
//! neighbour that only looks like one.

use super::tests::{infer_in, role};
use super::*;

fn is_split(code: &str) -> bool {
    let verdict = infer_in("bash", "", code);
    assert!(
        verdict.role != Role::Split || !verdict.parts.is_empty(),
        "{code}"
    );
    verdict.role == Role::Split
}

#[test]
fn one_act_in_several_forms_is_a_choice() {
    for code in [
        // For one, for several, for a named one.
        "# Undo one change\ntool undo a1\n\n# Undo multiple changes\ntool undo a1 a2",
        "# Go down one version\nmigrator downgrade -1\n\n# Go down to a specific version\nmigrator downgrade 17",
        "# Eine Version zurück\nmigrator downgrade -1\n\n# Zu einer bestimmten Version\nmigrator downgrade 17",
        "# Clear every cache\nrm -rf cache/\n\n# Clear a specific cache\nrm cache/prices",
        "# All tests\nrunner check\n\n# One specific module\nrunner check prices",
        // The same way down with more flags.
        "# Keep the data\ncompose down\n\n# Drop the data\ncompose down -v",
        "# 1. 回到上一个\nkubectl rollout undo deployment/shop -n web\n\n# 2. 指定\nkubectl rollout undo deployment/shop --to-revision=5 -n web",
        // For now, for good.
        "# Temporarily\nswitch off\n\n# Permanently\nsed -i s/on/off/ switch.conf",
        // What applies is run.
        "# If using a named volume\ndocker volume create copy\n\n# If using a directory\nmv data data.old",
        "# Se hai un server unico\nnpm ci\n\n# Oppure se ne hai due\ncd two\nnpm ci",
        "# 全部启动\n./up all\n\n# 或最小的\n./up small",
        // The command once more, as an example.
        "deployer release NAME_OF_SHOP\n\n# Example:\ndeployer release shop-7",
        "maker build:ios  # or build:android",
        "# One message\ngit commit -m 'one'\n\n# Another\ngit commit -m 'two'",
    ] {
        assert!(is_split(code), "{code}");
    }
    let verdict = infer_in(
        "bash",
        "",
        "# Keep the data\ncompose down\n\n# Drop the data\ncompose down -v",
    );
    let names: Vec<&str> = verdict
        .parts
        .iter()
        .filter_map(|part| part.choice.as_ref())
        .map(|choice| choice.name.as_str())
        .collect();
    assert_eq!(names, ["Keep the data", "Drop the data"]);
}

#[test]
fn looking_twice_and_going_on_are_no_choice() {
    for code in [
        "# All pods\nkubectl get pods\n\n# One specific pod\nkubectl get pods shop-1",
        "# View all events\nssh web1 'cat events'\n\n# View specific events\nssh web1 'grep x events'",
        "# Format\nruff format .\n\n# Lint\nruff check .\n\n# Fix\nruff check . --fix",
        "# Restart the shop\nsystemctl restart shop\n\n# Restart all workers\nsystemctl restart worker",
        "# Example policy\n./policy add reader\n\n# Verify\n./policy list",
    ] {
        assert_eq!(role("bash", code), Role::Run, "{code}");
    }
    let code = "-- All failures of a person\nSELECT a FROM logins WHERE who = 1;\n\n-- All failures from a single address\nSELECT a FROM logins WHERE ip = 2;";
    assert_eq!(role("sql", code), Role::Run);
}

#[test]
fn other_machines_terminals_and_hands_are_parts() {
    for code in [
        "vagrant ssh web\ncd /srv\n./migrate",
        "apt list\nssh <database-host>\nsystemctl restart postgresql",
        "wscat -c wss://shop.test/feed",
        "# Build the image locally\nmaker image\n\n# Load it on the server\nmaker load",
        "scale db 0\n# on the storage box: copy /old/. to /new/\nscale db 1",
        "# Start the tracker (in a separate terminal)\ntracker server --port 5000\n\n# Train\n./train",
        "# Add the domain\n./domains add shop\n\n# Configure the name server:\n# Type: CNAME\n# Value: edge\n\n# Verify it\n./domains verify shop",
        "aws logs tail group \\\n  --follow \\\n  --region x\n\n# Then\n./next",
    ] {
        assert!(is_split(code), "{code}");
    }
    for code in [
        "ssh root@10.0.0.4 'tool promote -D /data'\n# Wait, then look\nssh root@10.0.0.4 'tool status'",
        "./check\n\n# Common causes:\n# 1. The disk is full\n# 2. The port is taken",
        "# Run the tests locally\n./check\n\n# Build\n./build",
        "./check\n\n# Common issues:\n# 1. The disk is full\n# 2. The port is taken",
        "systemctl restart ssh",
        "service server restart",
    ] {
        assert_eq!(role("bash", code), Role::Run, "{code}");
    }
}

#[test]
fn pieces_of_files_and_of_text_are_not_run() {
    for code in [
        "cp env.example .env\n\n# Edit with your values\nAPI_TOKEN=abc\nPORT=1",
        "# The program\n./new-app shop\n\n# In the settings\nAPPS = [\n    'shop',\n]",
        "./edit\n\n# The image becomes:\nservices:\n  api:\n    image: shop:2",
        "# Every night\n0 3 * * * /srv/backup.sh\n\n# Restore\n./restore.sh",
        "# Names of images\nshop/api:1.0\nshop/api:latest\n\n# What runs\ndocker ps",
        "docker ps\n\nThen promote the standby by hand\n./promote",
    ] {
        let verdict = infer_in("bash", "", code);
        assert_eq!(verdict.role, Role::Split, "{code}");
        assert!(
            verdict
                .parts
                .iter()
                .all(|part| !part.code.contains("API_TOKEN") && !part.code.contains("APPS =")),
            "{:#?}",
            verdict.parts
        );
    }
    for (label, code) in [
        ("❌ **Don't**: one commit per line", "git commit -m a"),
        ("", "# Good: adds\n./add\n\n# Bad: breaks\n./drop"),
        ("", "# The nightly check\n#!/bin/bash\n./check"),
        ("", "./look\n\n## Next\n\n```markdown\n# Another guide"),
    ] {
        assert_eq!(
            infer_in("bash", label, code).role,
            Role::Content,
            "{label} {code}"
        );
    }
    // What follows a response in the same fence stays a command.
    let verdict = infer_in(
        "bash",
        "",
        "curl localhost/health\n\n# Expected response:\n{\n  \"ok\": true\n}\n\n# Look for alerts\ncurl localhost/alerts",
    );
    assert_eq!(verdict.parts.len(), 2, "{:#?}", verdict.parts);
    assert!(
        verdict
            .parts
            .iter()
            .all(|part| !part.code.contains("\"ok\""))
    );
}

#[test]
fn blanks_of_other_teams() {
    for code in [
        "tool setenv KEY=VALUE",
        "kubectl create secret generic a --from-literal=B=...",
        "export URL=\"postgresql://app:PASSWORD@10.0.0.4/shop\"",
        "curl -d '{\"code\":\"<six digits, by phone>\"}' localhost",
        "aws x --arn arn:aws:rds:eu:ACCOUNT:cluster:shop",
    ] {
        assert_eq!(role("bash", code), Role::Fill, "{code}");
    }
    assert_eq!(role("sql", "SELECT count(*) FROM [the_table];"), Role::Fill);
    assert_eq!(role("bash", "git commit -m 'docs [skip ci]'"), Role::Run);
    assert_eq!(role("sql", "-- the `old` one\nSELECT 1;"), Role::Run);
    assert_eq!(
        role("sql", "SELECT date_sub(now(), INTERVAL 1 DAY);"),
        Role::Foreign
    );
}
