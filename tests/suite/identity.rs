//! Under which name somebody stands in a run.

use crate::support::home::Home;

#[test]
fn without_the_variable_the_person_is_called_as_the_login_is() {
    let home = Home::new();
    home.write(
        "guide.md",
        "# Touch\n\n## Phase 1: Touch\n\n```bash {#touch .run}\ntouch here\n```\n",
    );
    let mut rehearsal = home.command(&["rehearse", "guide.md"]);
    rehearsal.env_remove("USER").env_remove("LOGNAME");
    Home::finish(rehearsal).exits(0);
    let asked = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    let login = String::from_utf8(asked.stdout).unwrap().trim().to_owned();
    let expected = match login.is_empty() {
        true => format!("uid{}", rustix::process::getuid().as_raw()),
        false => login,
    };
    let driver = home.status(&home.runs()[0])["driver"].clone();
    let name = driver.as_str().unwrap().split('@').next().unwrap();
    assert_eq!(name, expected);
}
