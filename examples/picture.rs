//! Makes `assets/cockpit.svg`: runs the built `gonogo demo` in a pseudo-terminal, walks it to the
//! middle of the migration as an operator does, and writes what stands on the screen as a picture.
//!
//! ```text
//! cargo build && cargo run --example picture [FILE.svg]
//! ```

#[path = "picture/operator.rs"]
mod operator;
#[path = "picture/svg.rs"]
mod svg;

use std::path::PathBuf;

const COLUMNS: u16 = 120;
const ROWS: u16 = 40;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let picture = std::env::args_os().nth(1).map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/cockpit.svg")),
        PathBuf::from,
    );
    // `target/debug/examples/picture` lies beside the program's folder.
    let program = std::env::current_exe()?
        .parent()
        .and_then(|examples| examples.parent())
        .ok_or("the example lies in no folder")?
        .join("gonogo");
    if !program.exists() {
        return Err(format!("no `{}`; run `cargo build` first", program.display()).into());
    }
    // Short, because sockets lie in it.
    let home = tempfile::Builder::new().prefix("gg").tempdir_in("/tmp")?;
    let mut operator = operator::Operator::start(&program, home.path(), COLUMNS, ROWS)?;
    operator.walk_to("would run: `migration`")?;
    operator.execute()?;
    operator.wait("the migration in its middle", |screen| {
        screen.matches("NOTICE").count() >= 14 && screen.contains("gonogo:")
    })?;
    let drawn = svg::draw(&operator.screen());
    operator.go_back_and_leave()?;
    std::fs::write(&picture, drawn)?;
    println!("{}", picture.display());
    Ok(())
}
