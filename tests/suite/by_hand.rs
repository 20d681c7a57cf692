//! Rollbacks that people carry out by hand, at the cockpit and at the prompt.

use crate::support::home::Home;
use crate::support::terminal::Terminal;

/// The flag is the world: `switch` puts it on, a person and the last command take it away.
const GUIDE: &str = "# Switch\n\n## Phase 1: Switch\n\n```bash {#switch .run}\ntouch flag\n```\n\n\
    ## Rollback\n\n### Option 1: By hand\n\n1. Disable the flag in the console\n2. Tell the desk\n\n\
    ```bash {#off .run}\nmv flag flag.off && echo flag-is-off\n```\n\n\
    ### Option 2: In the console only\n\n- [ ] Press the red button\n";

fn switched(home: &Home, columns: u16, rows: u16) -> Terminal {
    home.write("guide.md", GUIDE);
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], columns, rows);
    terminal.wait_for("would run: `switch`");
    terminal.keys("<enter>");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    terminal.wait_for("gate of `");
    terminal
}

#[test]
fn acts_by_hand_are_shown_begun_and_ticked_beside_the_commands() {
    let home = Home::new();
    let mut terminal = switched(&home, 80, 24);
    terminal.keys("R");
    let screen = terminal.wait_for("1 command and 2 manual items");
    assert!(screen.contains("1 by hand: Disable the flag"), "{screen}");
    assert!(screen.contains("3 off"), "{screen}");
    terminal.keys("B");
    // The dialog names it in the same words.
    terminal.wait_for("ROLLING BACK");
    terminal.wait_for("next by hand: Disable the flag");
    assert!(home.path().join("flag").exists(), "nothing ran before it");
    terminal.keys("n");
    terminal.wait_for("note");
    terminal.keys("the console says off<enter>");
    terminal.wait_for("by hand: Tell the desk");
    terminal.keys("<space>");
    terminal.wait_for("rolled back");
    assert!(!home.path().join("flag").exists());
    terminal.keys("q");
    terminal.wait_for("nothing here needs you");
    terminal.keys("l");
    assert_eq!(terminal.wait_exit(), 4);
    let run = home.runs()[0].clone();
    let report = home.gonogo(&["report", &run]).exits(0).out;
    assert!(report.contains("the console says off"), "{report}");
    assert!(report.contains("Tell the desk"), "{report}");
}

#[test]
fn a_rollback_that_is_only_done_by_hand_ends_rolled_back() {
    let home = Home::new();
    let mut terminal = switched(&home, 120, 40);
    terminal.keys("R<tab>");
    terminal.wait_for("1 by hand: Press the red button");
    terminal.keys("B");
    // The dialog names it in the same words.
    terminal.wait_for("ROLLING BACK");
    terminal.wait_for("next by hand: Press the red button");
    terminal.keys("<space>");
    terminal.wait_for("rolled back");
    let run = home.runs()[0].clone();
    assert_eq!(home.status(&run)["state"], "rolled_back");
}

#[test]
fn at_the_prompt_every_act_is_asked_for_and_said_to_be_done() {
    let home = Home::new();
    let mut cockpit = switched(&home, 80, 24);
    cockpit.kill();
    let run = home.runs()[0].clone();
    let arguments = ["rollback", &run, "--reason", "errors rise"];
    let mut prompt = Terminal::start(home.path(), &arguments, 120, 40);
    prompt.wait_for("type `yes` to begin");
    assert!(prompt.shows("[ ] Disable the flag in the console"));
    prompt.keys("yes<enter>");
    prompt.wait_for("by hand   Disable the flag");
    // Enter alone says nothing.
    prompt.keys("<enter>");
    prompt.keys("done the console says off<enter>");
    prompt.wait_for("by hand   Tell the desk");
    assert!(home.path().join("flag").exists());
    prompt.keys("done<enter>");
    prompt.wait_for("rolled back, not verified");
    assert_eq!(prompt.wait_exit(), 4);
    assert!(!home.path().join("flag").exists());
    let report = home.gonogo(&["report", &run]).exits(0).out;
    assert!(report.contains("the console says off"), "{report}");
}

#[test]
fn nobody_at_the_prompt_means_waiting_for_a_person() {
    let home = Home::new();
    let mut cockpit = switched(&home, 80, 24);
    cockpit.kill();
    let run = home.runs()[0].clone();
    let done = home
        .gonogo(&["rollback", &run, "--confirm", "yes"])
        .exits(3);
    assert!(done.err.contains("Disable the flag"), "{}", done.err);
    assert_eq!(home.status(&run)["state"], "rolling_back");
    let mut again = Terminal::start(home.path(), &["attach", &run], 80, 24);
    again.wait_for("by hand: Disable the flag");
    again.keys("<space>");
    again.wait_for("by hand: Tell the desk");
    again.keys("<space>");
    again.wait_for("rolled back");
}
