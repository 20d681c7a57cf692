//! Blocks that hold one act in several forms, another host, a lesson or a piece of a file, each with a
//! neighbour that only looks like one.

use super::tests::{infer_in, infer_under, is_split, role};
use super::*;

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

#[test]
fn there_and_back_is_a_catalogue() {
    for code in [
        "# Start it\nsystemctl start shop\n\n# Stop it\nsystemctl stop shop",
        "# Bring it up\nmake stack-up\n\n# Take it away\nmake stack-down",
        "# Halt it\nshopctl pause\n\n# Go on\nshopctl resume",
        "# To a specific node\nshopctl move shop --to 2\n\n# To whichever is best\nshopctl move shop",
        "# Look\nshopctl color status\n\n# Switch\nshopctl color switch --to green\n\n# Go back by hand\nshopctl color rollback --to green",
    ] {
        assert!(is_split(code), "{code}");
    }
    for code in [
        // A restart, a window of maintenance, a numbered list.
        "# Stop it\nsystemctl stop shop\n\n# Start it\nsystemctl start shop",
        "# Maintenance\nshopctl page enable\n\n# Move the rows\nshopctl rows move\n\n# Over\nshopctl page disable",
        "# 1. Start the copy\nsystemctl start copy\n\n# 2. Stop it\nsystemctl stop copy",
        "# Start the store\nsystemctl start store\n\n# Stop the old one\nsystemctl stop old-store",
    ] {
        assert!(!is_split(code), "{code}");
    }
}

#[test]
fn one_command_with_other_flags_is_a_catalogue() {
    for code in [
        "# Without asking\nQUIET=1 bash update.sh\n\n# One version\nVERSION=7 bash update.sh",
        // A trial run is looked at before the real one.
        "# Try it\nmover rows shop --dry-run\n\n# Do it\nmover rows shop --yes",
        "# Plain\nmaker image shop\n\n# Anew\nmaker image shop --no-cache",
    ] {
        assert!(is_split(code), "{code}");
    }
    for code in [
        // Looking for faults before they are fixed, other arguments, looking.
        "# Look for faults\nruff check .\n\n# Fix them\nruff check . --fix",
        "# One\nmover rows shop -v\n\n# Two\nmover rows till -v",
        "# All\nkubectl get pods\n\n# Of all namespaces\nkubectl get pods -A",
    ] {
        assert!(!is_split(code), "{code}");
    }
}

#[test]
fn a_section_that_calls_itself_a_reference_is_one() {
    let code = "# Drain\nshopctl drain\n\n# Fill\nshopctl fill";
    let under = |heading: &str| infer_under(heading, code).role;
    for heading in [
        "Quick reference",
        "Update options",
        "Useful commands",
        "Cheat sheet",
        "Usage",
    ] {
        assert_eq!(under(heading), Role::Split, "{heading}");
    }
    for heading in ["Deploy", "Step 3: Usage of the new queue", "Fill the shop"] {
        assert_eq!(under(heading), Role::Run, "{heading}");
    }
}

#[test]
fn systems_in_brackets_and_versions_of_one() {
    assert!(is_split(
        "# ufw (Ubuntu)\nufw allow 80\n\n# firewalld (CentOS/RHEL)\nfirewall-cmd --reload"
    ));
    assert!(is_split(
        "# RHEL <8\nold/bin/upgrade now\n\n# RHEL 8+\nnew/bin/upgrade now"
    ));
    assert!(!is_split(
        "# Install (Ubuntu)\napt-get install -y redis\n\n# Look\nredis-cli ping"
    ));
}

#[test]
fn what_is_told_on_condition() {
    for code in [
        "# Is it there?\nls image.tar\n\n# If missing, make it anew\nmake image",
        "# Look\nshopctl health\n\n# If the queue is down, restart it\nsystemctl restart queue",
        "# Look\nshopctl health\n\n# Then restart the agent on all nodes\nsystemctl restart agent",
    ] {
        assert!(is_split(code), "{code}");
    }
    for code in [
        "# Look\nshopctl health\n\n# If incorrect, look into the log of the day\n\n# Sizes\nshopctl sizes",
        "# Restart it on all nodes\nkubectl rollout restart daemonset/agent\n\n# Look\nkubectl get pods",
    ] {
        assert!(!is_split(code), "{code}");
    }
}

#[test]
fn a_list_after_the_last_command_that_only_tells() {
    assert!(!is_split(
        "make image\n\n# The build will:\n# 1. Compile it\n# 2. Push it to the registry"
    ));
    assert!(is_split(
        "make image\n\n# Then do this:\n# 1. Open the console\n# 2. Press the button"
    ));
}

#[test]
fn a_task_that_is_said_to_serve_goes_on() {
    assert!(is_split(
        "# Starts the web server\nmake run\n\n# Look at it\ncurl localhost:80"
    ));
    assert!(!is_split(
        "# Starts the web server\nsystemctl start web\n\n# Look at it\ncurl localhost:80"
    ));
    assert!(!is_split(
        "# Build for the dev server\nmake build\n\n# Look at it\nls out"
    ));
}

#[test]
fn what_sql_comments_tell_cuts_no_transaction() {
    for code in [
        "BEGIN;\nUPDATE items SET n = 0 WHERE n < 0;\n\n-- If satisfied, commit\nCOMMIT;",
        "SELECT name FROM shops;\n\n-- Should return 2 rows:\n-- 1. the shop\n-- 2. the till",
    ] {
        assert_eq!(role("sql", code), Role::Run, "{code}");
    }
}

#[test]
fn statements_that_say_what_each_is_for_are_a_choice() {
    for code in [
        "cd shop\nshopctl tag minor  # for something new\nshopctl tag patch  # for a repair",
        "./make.sh  # only shows\n./make.sh --build  # builds",
        "./switch.sh blue  # or green",
        "npm version minor  # for something new\nnpm version patch  # for a repair",
        "# Push all parts\nshopctl push\n\n# Or push a specific part\nshopctl push --file till",
        "shopctl push\n\n# Or in the console:\n# Shop → Push",
        "shopctl push all\n\n# Or push one part only\nshopctl push --part till",
        "# The usual way\nshopctl push all\n\n# Otherwise\nshopctl copy all",
        "# Path A (new)\nshopctl pull a\n# Path B (old)\nshopctl pull b",
    ] {
        assert!(is_split(code), "{code}");
    }
    for code in [
        "shopctl pull a  # the shop\nshopctl pull b  # the till",
        "cargo test  # all\ncargo test --doc  # examples",
    ] {
        assert!(!is_split(code), "{code}");
    }
    let verdict = infer_in(
        "bash",
        "",
        "cd shop\nshopctl tag minor  # for something new\nshopctl tag patch  # for a repair",
    );
    let parts: Vec<(&str, Option<&str>)> = verdict
        .parts
        .iter()
        .map(|part| {
            (
                part.code.trim(),
                part.choice.as_ref().map(|choice| choice.name.as_str()),
            )
        })
        .collect();
    assert_eq!(
        parts,
        [
            ("cd shop", None),
            (
                "shopctl tag minor  # for something new",
                Some("for something new")
            ),
            ("shopctl tag patch  # for a repair", Some("for a repair")),
        ]
    );
}

#[test]
fn one_of_several_by_the_heading_or_the_label() {
    let code = "shopctl start blue\nshopctl start green";
    assert_eq!(
        infer_under("Start a specific instance", code).role,
        Role::Split
    );
    assert_eq!(infer_under("Start the instances", code).role, Role::Run);
    let code = "# Fast\nshopctl copy\n\n# Thorough\nshopctl rebuild";
    assert_eq!(
        infer_in("bash", "Choose one of the two:", code).role,
        Role::Split
    );
    assert_eq!(infer_in("bash", "Run both:", code).role, Role::Run);
}

#[test]
fn two_environments_and_opposites_by_their_titles() {
    for code in [
        "# Move it locally\n./move.sh here\n\n# Move it in production\n./move.sh there",
        "# Put it on staging\nshopctl put one\n\n# Then put it to prod\nshopctl put two",
        "# Back up\npg_dump -f a.sql shop\n\n# Restore\npsql -f a.sql shop",
        "# Add a key\nshopctl key add 1\n\n# Remove a key\nshopctl key rm 1",
        "# First deployment\nshopctl make\n\n# Later deployments\nshopctl push",
    ] {
        assert!(is_split(code), "{code}");
    }
    for code in [
        "# Put it on staging\nshopctl put one\n\n# Look at staging\nshopctl look one",
        "# Add a copy\ncreatedb copy\n\n# Fill it\nfill copy\n\n# Remove the copy\ndropdb copy",
    ] {
        assert!(!is_split(code), "{code}");
    }
}

#[test]
fn what_is_no_command_at_all() {
    assert_eq!(
        role("bash", "Error: no space left on \"/srv\""),
        Role::Output
    );
    assert_eq!(role("bash", "Known shops:\n  North\n  South"), Role::Output);
    assert_eq!(role("bash", "# Stop it\nCtrl+C"), Role::Manual);
    assert_eq!(
        role("sql", "-- SQL Server\nSELECT count(*) FROM shops;"),
        Role::Foreign
    );
    assert!(is_split("mongosh --eval 'x'\ndb.copy('a', 'b')"));
    assert_eq!(role("bash", "shopctl config edit"), Role::Manual);
    assert!(is_split(
        "curl localhost/health\n{\n  \"status\": \"ok\"\n}"
    ));
    let lesson = super::tests::infer_under("❌ Don't", "rm -r migrations");
    assert_eq!(lesson.role, Role::Content);
}

#[test]
fn names_that_only_say_what_is_named() {
    for code in [
        "DROP TABLE IF EXISTS table_name CASCADE;",
        "ALTER TABLE shops ADD COLUMN column_name TEXT;",
    ] {
        assert_eq!(role("sql", code), Role::Fill, "{code}");
    }
    assert_eq!(
        role(
            "sql",
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_name = 'shops';"
        ),
        Role::Run
    );
    for code in [
        "git checkout previous-tag",
        "psql \"connection-string\" -f a.sql",
        "DATABASE_URL=\"postgresql://...\" npm run check",
        "bash <(curl -sSL .../update.sh)",
        "docker pull registry.local/OWNER/shop:7",
        "shopctl set password change-me",
        "shopctl copy shop_{customer} old",
    ] {
        assert_eq!(role("bash", code), Role::Fill, "{code}");
    }
    for code in [
        "git describe --last-tag",
        "sed 's/<OLD>/new/' a.txt > b.txt",
        "go vet ./...",
        "awk '{print}' a",
        "cp a.{old,new} b",
        "docker ps --format '{{.Names}}'",
    ] {
        assert_eq!(role("bash", code), Role::Run, "{code}");
    }
}
