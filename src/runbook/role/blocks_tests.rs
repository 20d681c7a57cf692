//! Blocks as people write them: ways to choose from, another host, acts of a person, a piece of a file,
//! each with a neighbour that only looks like one.

use super::tests::{infer_in, is_split, role};
use super::*;

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
    let code = "cp env.example .env\n\n# Edit with your values\nAPI_TOKEN=abc\nPORT=1";
    let verdict = infer_in("bash", "", code);
    assert_eq!(verdict.role, Role::Split);
    let holds = |part: &Part| part.code.contains("API_TOKEN");
    assert!(!verdict.parts.iter().any(holds), "{:#?}", verdict.parts);
    for (label, code) in [
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
fn one_command_with_other_flags_is_a_choice() {
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
    ] {
        assert!(is_split(code), "{code}");
    }
    for code in [
        "# Look\nkubectl get pods\n\n# If incorrect, look into the log of the day\n\n# Sizes\ndf -h",
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
fn what_sql_comments_tell_cuts_no_transaction() {
    for code in [
        "BEGIN;\nUPDATE items SET n = 0 WHERE n < 0;\n\n-- If satisfied, commit\nCOMMIT;",
        "SELECT name FROM shops;\n\n-- Should return 2 rows:\n-- 1. the shop\n-- 2. the till",
    ] {
        assert_eq!(role("sql", code), Role::Run, "{code}");
    }
}

#[test]
fn what_stands_beside_or_after_or_is_a_choice() {
    for code in [
        "./make.sh  # only shows\n./make.sh --build  # builds",
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
        "cd shop\nmake up  # the core\nmake up-all  # everything",
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
            ("make up  # the core", Some("the core")),
            ("make up-all  # everything", Some("everything")),
        ]
    );
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
    assert_eq!(role("bash", "shopctl config edit"), Role::Manual);
    assert!(is_split(
        "curl localhost/health\n{\n  \"status\": \"ok\"\n}"
    ));
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
fn the_head_of_a_file_is_content() {
    for code in [
        "-- Migration: 012_prices\n-- Author: the shop team\n\nBEGIN;\nALTER TABLE a ADD COLUMN b int;\nCOMMIT;",
        "-- Beschreibung: Preise\n-- Datum: 2024-01-02\nALTER TABLE a ADD COLUMN b int;",
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
