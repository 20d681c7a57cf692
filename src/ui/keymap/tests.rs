//! What the table of keys promises.

use std::collections::HashSet;

use super::*;

#[test]
fn a_key_means_one_thing_in_a_context() {
    for context in Context::ALL {
        let mut seen = HashSet::new();
        for key in of(context).flat_map(|binding| binding.keys) {
            assert!(seen.insert(*key), "{context:?} binds {} twice", key.label());
        }
    }
}

#[test]
fn enter_never_executes_and_never_decides_a_gate() {
    for binding in BINDINGS {
        if binding.keys.contains(&Key::Code(KeyCode::Enter)) {
            assert!(!binding.intent.acts(), "{binding:?}");
        }
    }
}

#[test]
fn the_key_that_executes_is_not_one_that_asks() {
    let asking: HashSet<Key> = of(Context::Main)
        .chain(of(Context::Step))
        .flat_map(|binding| binding.keys)
        .copied()
        .collect();
    for binding in BINDINGS.iter().filter(|binding| binding.intent.executes()) {
        for key in binding.keys {
            let copies = *key == Key::Char('y');
            assert!(!asking.contains(key) || copies, "{binding:?}");
        }
    }
}

#[test]
fn nothing_needs_a_modifier_or_a_function_key() {
    // Every plain key is the step's there.
    let plain = |binding: &&Binding| binding.context != Context::Keyboard;
    for binding in BINDINGS.iter().filter(plain) {
        assert!(
            binding
                .keys
                .iter()
                .any(|key| !matches!(key, Key::Ctrl(_) | Key::Code(KeyCode::F(_)))),
            "{binding:?}"
        );
    }
}

#[test]
fn every_dialog_can_be_closed_by_escape() {
    for context in Context::ALL {
        let pane = matches!(
            context,
            Context::Main
                | Context::Past
                | Context::Step
                | Context::Phases
                | Context::Output
                | Context::Reference
                | Context::Sessions
                | Context::Statements
                | Context::Table
                | Context::Pane
                | Context::Keyboard
        );
        let closes = meaning(&[context], Key::Code(KeyCode::Esc)) == Some(Intent::Close);
        assert!(pane || closes, "{context:?}");
    }
}
