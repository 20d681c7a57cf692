//! Opening is not consenting: a configuration counts only from files that nobody else could have
//! written, and what it would run or connect to waits for its user's word, given once for each content.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use crate::support::fresh_database;
use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;

const GUIDE: &str = "# Ship it\n\n## Phase 1: Work\n\n- [ ] Look\n\n### Work\n\n```bash {#work .run}\ntouch worked\n```\n\n\
    ## Rollback\n\n### Option 1: Back\n\n```bash {#back .run}\ntouch back\n```\n";

/// A home with a guide, and a configuration that somebody else put above it: it runs commands, asks an
/// address and connects to a server, and tells by what happens there.
struct Planted {
    home: Home,
    asked: TcpListener,
    server: TcpListener,
}

impl Planted {
    fn new() -> Self {
        let home = Home::new();
        let listener = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            listener
        };
        let planted = Self {
            home,
            asked: listener(),
            server: listener(),
        };
        let command = |name: &str| {
            let mark = planted.home.path().join(name);
            format!(
                "{{ command = \"touch {}; echo s3cret-word\" }}",
                mark.display()
            )
        };
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        planted.home.plant("project/guide.md", GUIDE);
        planted.home.plant(
            "gonogo.toml",
            &format!(
                "[environments.test]\ndirectory = \"project\"\n\
                 targets.main = {{ postgres = \"host=127.0.0.1 port={} dbname=x user=x sslmode=disable\", password = {} }}\n\
                 probes.api = \"http://127.0.0.1:{}/\"\nsecrets.TOKEN = {}\n",
                port(&planted.server),
                command("password-ran"),
                port(&planted.asked),
                command("secret-ran"),
            ),
        );
        planted
    }

    /// What has happened of what the configuration reaches for.
    fn happened(&self) -> Vec<&'static str> {
        let ran = |name: &str| self.home.path().join(name).exists();
        let mut happened = Vec::new();
        happened.extend(ran("password-ran").then_some("password"));
        happened.extend(ran("secret-ran").then_some("secret"));
        happened.extend(self.asked.accept().is_ok().then_some("probe"));
        happened.extend(self.server.accept().is_ok().then_some("target"));
        happened
    }

    fn open(&self) -> Terminal {
        Terminal::start(self.home.path(), &["run", "project/guide.md"], 120, 40)
    }
}

#[test]
fn opening_a_guide_runs_and_contacts_nothing_before_its_user_agrees() {
    let planted = Planted::new();
    let mut terminal = planted.open();
    let screen = terminal.wait_for("do you trust this configuration?");
    for shown in [
        "touch",
        "password-ran",
        "environments.test.targets.main.password",
        "connects to",
        "host=127.0.0.1",
        "environments.test.probes.api",
        "environments.test.secrets.TOKEN",
    ] {
        assert!(screen.contains(shown), "{shown}\n{screen}");
    }
    assert_eq!(planted.happened(), Vec::<&str>::new());
    // Closed, nothing starts: not the step, not the rollback.
    terminal.keys("<enter>");
    let screen = terminal.wait_for("nothing starts before you trust its configuration");
    assert!(screen.contains("NOT TRUSTED"), "{screen}");
    terminal.keys("R");
    terminal.wait_for("BEGIN the rollback");
    terminal.keys("B");
    terminal.wait_for("you have not yet trusted");
    terminal.keys("<esc>");
    assert_eq!(planted.happened(), Vec::<&str>::new());
    assert!(!planted.home.path().join("project/back").exists());
    // The word opens it: at once, and for every later run of the same content.
    terminal.keys("V");
    terminal.wait_for("do you trust this configuration?");
    terminal.keys("Y");
    let mut all = Vec::new();
    until("the password, the probe and the target", || {
        all.extend(planted.happened());
        let all_of = ["password", "probe", "target"];
        all_of.iter().all(|one| all.contains(one)).then_some(())
    });
    terminal.wait_gone("nothing starts before you trust");
    let second = planted.open();
    let screen = second.wait_for("tick");
    assert!(!screen.contains("do you trust"), "{screen}");
    let run = planted.home.runs()[0].clone();
    let report = planted.home.gonogo(&["report", &run]).exits(0).out;
    assert!(report.contains("| configuration |"), "{report}");
}

#[test]
fn what_only_looks_runs_and_contacts_nothing() {
    let planted = Planted::new();
    let home = &planted.home;
    let guide = "project/guide.md";
    for (arguments, code) in [
        (vec!["check", guide], 0),
        (vec!["check", guide, "--json"], 0),
        (vec!["plan", guide], 0),
        (vec!["plan", guide, "--json"], 0),
        (vec!["annotate", guide, "--json"], 0),
        (vec!["annotate", guide, "--accept-certain", "--dry-run"], 0),
        (vec!["runs"], 0),
        (vec!["trust", guide, "--show"], 3),
        (vec!["trust", guide, "--json"], 3),
        (vec!["trust"], 0),
    ] {
        home.gonogo(&arguments).exits(code);
        assert_eq!(planted.happened(), Vec::<&str>::new(), "{arguments:?}");
    }
    let said = home.gonogo(&["doctor", guide]).exits(1).out;
    assert!(said.contains("skipped: you have not"), "{said}");
    assert!(said.contains("gonogo trust /"), "{said}");
    assert_eq!(planted.happened(), Vec::<&str>::new());
}

#[test]
fn a_rehearsal_needs_the_word_beforehand_and_says_how_to_give_it() {
    let planted = Planted::new();
    let home = &planted.home;
    let refused = home.gonogo(&["rehearse", "project/guide.md"]).exits(2);
    for words in [
        "touch",
        "connects to",
        "nothing was started",
        "`gonogo trust /",
    ] {
        assert!(refused.err.contains(words), "{words}\n{}", refused.err);
    }
    assert!(home.runs().is_empty(), "no run was opened");
    // Nobody is at the terminal: silence is no consent.
    let silent = home.gonogo(&["trust", "project/guide.md"]).exits(2);
    assert!(silent.err.contains("`--yes`"), "{}", silent.err);
    home.gonogo(&["rehearse", "project/guide.md"]).exits(2);
    assert_eq!(planted.happened(), Vec::<&str>::new());
}

#[test]
fn at_the_prompt_the_word_is_typed() {
    let planted = Planted::new();
    let home = planted.home.path();
    for (typed, code) in [("yes<enter>", 2), ("trust<enter>", 0)] {
        let mut prompt = Terminal::start(home, &["trust", "project"], 120, 40);
        prompt.wait_for("type `trust`");
        prompt.keys(typed);
        assert_eq!(prompt.wait_exit(), code, "{typed}");
    }
    let listed = planted.home.gonogo(&["trust"]).exits(0).out;
    assert!(listed.contains("gonogo.toml  as it is now"), "{listed}");
    assert_eq!(
        planted.happened(),
        Vec::<&str>::new(),
        "agreeing runs nothing"
    );
}

#[tokio::test]
async fn another_content_and_another_place_ask_again() {
    let database = fresh_database().await;
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.environment(&database.conninfo(), "");
    let rehearsal = ["rehearse", "guide.md", "--assume"];
    home.gonogo(&rehearsal).exits(0);
    let text = std::fs::read_to_string(home.path().join("gonogo.toml")).unwrap();
    home.plant("gonogo.toml", &format!("{text}# a line more\n"));
    home.gonogo(&rehearsal).exits(2);
    let listed = home.gonogo(&["trust"]).exits(0).out;
    assert!(listed.contains("changed since: asks again"), "{listed}");
    // What was agreed to once stays so, until it is taken back.
    home.plant("gonogo.toml", &text);
    home.gonogo(&rehearsal).exits(0);
    home.plant("elsewhere/gonogo.toml", &text);
    home.plant("elsewhere/guide.md", GUIDE);
    home.gonogo(&["rehearse", "elsewhere/guide.md"]).exits(2);
    home.gonogo(&["trust", "guide.md", "--revoke"]).exits(0);
    home.gonogo(&rehearsal).exits(2);
    assert_eq!(
        home.gonogo(&["trust", "--json"]).exits(0).json(),
        serde_json::json!([])
    );
}

#[tokio::test]
async fn a_run_whose_configuration_is_trusted_no_longer_goes_nowhere_unattended() {
    let database = fresh_database().await;
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.environment(&database.conninfo(), "");
    home.gonogo(&["rehearse", "guide.md"]).exits(3);
    let run = home.runs()[0].clone();
    home.gonogo(&["trust", "gonogo.toml", "--revoke"]).exits(0);
    for arguments in [
        vec!["resume", &run],
        vec!["rollback", &run, "--confirm", "yes"],
    ] {
        let refused = home.gonogo(&arguments).exits(2);
        let next = format!("`gonogo trust --run {run}`");
        assert!(refused.err.contains(&next), "{}", refused.err);
    }
    assert!(!home.path().join("back").exists());
    home.gonogo(&["trust", "--run", &run, "--yes"]).exits(0);
    home.gonogo(&["rollback", &run, "--confirm", "yes"])
        .exits(4);
    assert!(home.path().join("back").exists());
}

#[test]
fn a_word_given_elsewhere_reaches_an_open_cockpit() {
    let planted = Planted::new();
    let mut terminal = planted.open();
    terminal.wait_for("do you trust this configuration?");
    terminal.keys("<esc>");
    terminal.wait_for("nothing starts before you trust");
    planted
        .home
        .gonogo(&["trust", "gonogo.toml", "--yes"])
        .exits(0);
    terminal.wait_gone("nothing starts before you trust");
    let mut all = Vec::new();
    until("the password", || {
        all.extend(planted.happened());
        all.contains(&"password").then_some(())
    });
}

/// Every way to use a configuration, and whether it is refused with this reason and fix.
fn refused_everywhere(home: &Home, guide: &str, why: &str, fix: &str) {
    for arguments in [
        ["check", guide],
        ["plan", guide],
        ["rehearse", guide],
        ["doctor", guide],
        ["trust", guide],
    ] {
        let done = home.gonogo(&arguments).exits(2);
        assert!(done.err.contains(why), "{arguments:?}: {}", done.err);
        assert!(done.err.contains(fix), "{arguments:?}: {}", done.err);
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_configuration_that_others_could_write_does_not_count() {
    let planted = Planted::new();
    let home = &planted.home;
    home.trust(&home.path().join("gonogo.toml")).exits(0);
    let (config, guide) = (home.path().join("gonogo.toml"), "project/guide.md");
    mode(&config, 0o666);
    refused_everywhere(home, guide, "can be written by everybody", "chmod go-w");
    mode(&config, 0o644);
    // Whoever can write the folder can put another file there.
    let folder = home.path().join("project");
    mode(&folder, 0o777);
    home.plant("project/gonogo.toml", "[environments.test]\n");
    refused_everywhere(
        home,
        guide,
        "project` can be written by everybody",
        "chmod go-w",
    );
    assert_eq!(planted.happened(), Vec::<&str>::new());
}

#[test]
fn a_configuration_that_somebody_put_into_a_shared_folder_does_not_count() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give a file away; that what is writable is refused is tested above.
        return;
    }
    let planted = Planted::new();
    let home = &planted.home;
    let shared = home.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    mode(&shared, 0o1777);
    home.plant("shared/mine/guide.md", GUIDE);
    let theirs = home.plant("shared/gonogo.toml", "[environments.test]\n");
    // Their own file in a folder like `/tmp`, found by walking up.
    chown(&theirs, Some(64_321), None).unwrap();
    let guide = "shared/mine/guide.md";
    refused_everywhere(home, guide, "belongs to user 64321, not to you", "chown");
    // A file of one's own in such a folder is safe from others, and one beside the guide comes first.
    chown(&theirs, Some(0), None).unwrap();
    home.gonogo(&["plan", guide]).exits(0);
}

#[test]
fn a_guide_that_others_could_write_is_read_but_not_run() {
    let home = Home::new();
    let guide = home.plant("guide.md", GUIDE);
    mode(&guide, 0o646);
    home.gonogo(&["check", "guide.md"]).exits(0);
    home.gonogo(&["plan", "guide.md"]).exits(0);
    let refused = home.gonogo(&["rehearse", "guide.md"]).exits(2);
    assert!(
        refused.err.contains("the guide is not used"),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("`chmod o-w"), "{}", refused.err);
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    terminal.wait_for("chmod o-w");
    assert_eq!(terminal.wait_exit(), 2);
}

#[test]
fn a_guide_is_marked_until_something_of_it_is_armed_or_run() {
    let home = Home::new();
    home.plant(
        "guide.md",
        "# G\n\n## Phase 1: Work\n\n### Work\n\n```bash\ntouch worked\n```\n",
    );
    let mark = "guide not yet trusted by you";
    let open = || Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    let first = open();
    first.wait_for(mark);
    drop(first);
    let mut second = open();
    second.wait_for(mark);
    second.keys("<enter>");
    second.wait_for("arm: I read it");
    second.keys("a");
    second.wait_gone(mark);
    drop(second);
    let third = open();
    let screen = third.wait_for("would run");
    assert!(!screen.contains(mark), "{screen}");
    home.plant(
        "guide.md",
        "# G\n\n## Phase 1: Work\n\n### Work\n\n```bash\ntouch other\n```\n",
    );
    open().wait_for(mark);
}

#[test]
fn a_layout_that_others_could_write_is_left_out_and_said() {
    let home = Home::new();
    home.plant("guide.md", GUIDE);
    let layout = home.plant("config/gonogo/layouts/mine.toml", "about = \"x\"\n");
    mode(&layout, 0o666);
    let terminal = Terminal::start(home.path(), &["run", "guide.md"], 160, 40);
    let screen = terminal.wait_for("is not used");
    assert!(screen.contains("can be written by everybody"), "{screen}");
}

#[test]
fn answers_kept_beside_a_guide_do_not_ask_again() {
    let home = Home::new();
    home.plant(
        "guide.md",
        "# G\n\n## Phase 1: Work\n\n### Work\n\n```bash\ntouch worked\n```\n",
    );
    home.write("gonogo.toml", "[environments.test.values]\nA = \"1\"\n");
    home.gonogo(&["annotate", "guide.md", "--sidecar", "--accept-certain"])
        .exits(0);
    home.gonogo(&["rehearse", "guide.md"]).exits(0);
    // Of a file that nobody had agreed to, nobody has now.
    let other = Home::new();
    other.plant(
        "guide.md",
        "# G\n\n## Phase 1: Work\n\n### Work\n\n```bash\ntouch worked\n```\n",
    );
    other.plant("gonogo.toml", "[environments.test.values]\nA = \"1\"\n");
    other
        .gonogo(&["annotate", "guide.md", "--sidecar", "--accept-certain"])
        .exits(0);
    other.gonogo(&["rehearse", "guide.md"]).exits(2);
}
