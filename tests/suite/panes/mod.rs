//! The cockpit's screens and keys, with the real engine behind them and without a terminal.

mod desk;

use desk::Desk;

#[test]
fn dump() {
    let mut desk = Desk::new().lively();
    println!("{}", desk.screen(120, 40));
    desk.press("  m");
    println!("{}", desk.screen(80, 24));
    desk.press("<Esc>j T12<Enter>");
    println!("{}", desk.screen(120, 40));
    desk.press("<Down> ");
    println!("{}", desk.screen(80, 24));
    desk.press("g");
    println!("{}", desk.screen(80, 24));
    desk.press("G");
    println!("{}", desk.screen(120, 40));
    desk.press("<Enter>");
    println!("{}", desk.screen(120, 40));
    desk.press("x");
    desk.prints("backup", 0, 40);
    desk.later(42);
    println!("{}", desk.screen(120, 40));
    desk.press("R");
    println!("{}", desk.screen(120, 40));
    desk.press("<Tab>");
    println!("{}", desk.screen(80, 24));
    desk.press("<Esc>");
    desk.ends("backup", 1);
    println!("{}", desk.screen(200, 50));
}
