use super::*;
use crate::ui::panes;

fn layout(text: &str) -> Layout {
    Layout::parse("mine", text, "mine.toml", &panes::names()).unwrap()
}

#[test]
fn embedded_layouts_parse() {
    let layouts = Layout::embedded(&panes::names()).unwrap();
    assert_eq!(layouts.len(), EMBEDDED.len());
    for layout in &layouts {
        assert!(layout.panes().contains(&"step") || layout.name == "database");
    }
}

#[test]
fn an_unknown_pane_is_told_with_its_line() {
    let text = "about = \"x\"\nrows = [\n  { pane = \"step\" },\n  { pane = \"sesions\" },\n]\n";
    let error = Layout::parse("mine", text, "mine.toml", &panes::names()).unwrap_err();
    assert_eq!(error.to_string(), "mine.toml:4: unknown pane `sesions`");
    assert_eq!(error.help, "did you mean `sessions`?");
}

#[test]
fn a_bad_size_is_told_with_its_line() {
    let text = "about = \"x\"\nrows = [\n  { pane = \"step\", size = \"wide\" },\n]\n";
    let error = Layout::parse("mine", text, "mine.toml", &panes::names()).unwrap_err();
    assert_eq!(error.to_string(), "mine.toml:3: `wide` is not a size");
}

#[test]
fn a_part_with_two_meanings_is_refused() {
    let text = "about = \"x\"\nrows = [ { pane = \"step\", tabs = [\"output\"] } ]\n";
    let error = Layout::parse("mine", text, "mine.toml", &panes::names()).unwrap_err();
    assert_eq!(error.line, 2);
}

#[test]
fn parts_fill_the_area_exactly() {
    let layout = layout(
        "about = \"x\"\ncolumns = [ { pane = \"phases\", size = \"30%\", least = 20 }, { rows = [ { pane = \"step\", size = \"2fr\" }, { pane = \"output\" } ] } ]\n",
    );
    let arrangement = layout.arrange(Rect::new(0, 3, 120, 30), &["step"]);
    let areas: Vec<_> = arrangement.places.iter().map(|place| place.area).collect();
    assert_eq!(
        areas,
        [
            Rect::new(0, 3, 35, 30),
            Rect::new(36, 3, 84, 20),
            Rect::new(36, 23, 84, 10)
        ]
    );
    assert_eq!(arrangement.rules, [Rect::new(35, 3, 1, 30)]);
}

#[test]
fn where_room_is_short_the_focused_part_takes_all() {
    let layout = layout(
        "about = \"x\"\nrows = [ { pane = \"step\" }, { tabs = [\"output\", \"health\"] } ]\n",
    );
    let arrangement = layout.arrange(Rect::new(0, 0, 40, 6), &["health", "step"]);
    assert_eq!(arrangement.places.len(), 1);
    assert_eq!(arrangement.places[0].pane, "health");
}
