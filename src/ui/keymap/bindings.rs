//! Every key of the cockpit, context by context.

use crossterm::event::KeyCode;

use super::{Binding, Context, Key};
use crate::ui::intent::Intent;

const UP: &[Key] = &[Key::Code(KeyCode::Up), Key::Char('k')];
const DOWN: &[Key] = &[Key::Code(KeyCode::Down), Key::Char('j')];
const PAGE_UP: &[Key] = &[Key::Code(KeyCode::PageUp), Key::Ctrl('u')];
const PAGE_DOWN: &[Key] = &[Key::Code(KeyCode::PageDown), Key::Ctrl('d')];
const FIRST: &[Key] = &[Key::Code(KeyCode::Home)];
const LAST: &[Key] = &[Key::Code(KeyCode::End)];
const ENTER: &[Key] = &[Key::Code(KeyCode::Enter)];
const ESCAPE: &[Key] = &[Key::Code(KeyCode::Esc)];
/// Closes a dialog: the button with the focus is Cancel, so Enter closes too.
const CANCEL: &[Key] = &[Key::Code(KeyCode::Esc), Key::Code(KeyCode::Enter)];

const fn bind(
    context: Context,
    keys: &'static [Key],
    intent: Intent,
    label: &'static str,
    footer: Option<u8>,
) -> Binding {
    Binding {
        context,
        keys,
        intent,
        label,
        footer,
    }
}

macro_rules! key {
    ($letter:literal) => {
        &[Key::Char($letter)]
    };
}

/// Every key of the cockpit.
pub const BINDINGS: &[Binding] = {
    use Context::*;
    use Intent as I;
    &[
        bind(Main, ENTER, I::Open, "look", Some(1)),
        bind(Main, key!(' '), I::Tick, "tick the box", Some(2)),
        bind(Main, key!('n'), I::TickWithNote, "tick with a note", None),
        bind(Main, key!('g'), I::AskGate, "gate", Some(4)),
        bind(Main, key!('R'), I::AskRollBack, "rollback", Some(3)),
        bind(Main, key!('c'), I::AskCancel, "cancel what runs", Some(5)),
        bind(
            Main,
            key!('H'),
            I::AskHeld,
            "look at the held transaction",
            Some(0),
        ),
        bind(
            Main,
            key!('b'),
            I::RollBackHeld,
            "roll the held transaction back",
            Some(1),
        ),
        bind(
            Main,
            key!('I'),
            I::GiveKeyboard,
            "give the step your keyboard",
            Some(4),
        ),
        bind(Main, key!('s'), I::AskSkip, "skip the step", Some(6)),
        bind(Main, key!('u'), I::Undo, "undo tick or skip", Some(9)),
        bind(Main, key!('r'), I::Resume, "resume a held run", None),
        bind(Main, key!('i'), I::Inputs, "inputs", Some(10)),
        bind(
            Main,
            key!('D'),
            I::GuideChanged,
            "what has changed in the guide on disk",
            None,
        ),
        bind(Main, key!('m'), I::WriteNote, "write a note", Some(11)),
        bind(
            Main,
            key!('e'),
            I::CorrectCommand,
            "correct the command for this run",
            None,
        ),
        bind(
            Main,
            key!('E'),
            I::WriteCommand,
            "run a command of your own",
            None,
        ),
        bind(
            Main,
            key!('T'),
            I::AskControl,
            "take or offer control",
            None,
        ),
        bind(Main, key!('h'), I::RaiseHand, "raise or lower a hand", None),
        bind(Main, key!('f'), I::Follow, "follow the driver", None),
        bind(Main, key!('p'), I::ListPeople, "who is here", None),
        bind(
            Main,
            key!('v'),
            I::AskApproval,
            "what asks two people",
            None,
        ),
        bind(Main, key!('U'), I::LetIn, "let another login in", None),
        bind(
            Main,
            key!('K'),
            I::AskTarget,
            "look at a target that changed or is held",
            None,
        ),
        bind(
            Main,
            key!('V'),
            I::AskTrust,
            "what the configuration would do",
            None,
        ),
        bind(Main, key!('A'), I::AskAbandon, "abandon the run", None),
        bind(Main, key!('w'), I::LookAtWatches, "watches", Some(8)),
        bind(
            Main,
            key!('!'),
            I::AskAcknowledge,
            "acknowledge a red flag",
            Some(3),
        ),
        bind(Main, UP, I::Up, "up", None),
        bind(Main, DOWN, I::Down, "down", None),
        bind(Main, PAGE_UP, I::PageUp, "a page up", None),
        bind(Main, PAGE_DOWN, I::PageDown, "a page down", None),
        bind(Main, FIRST, I::First, "to the start", None),
        bind(Main, LAST, I::Last, "to the end", None),
        bind(
            Main,
            &[Key::Code(KeyCode::Tab)],
            I::FocusNext,
            "next pane",
            Some(8),
        ),
        bind(
            Main,
            &[Key::Code(KeyCode::BackTab)],
            I::FocusPrevious,
            "pane before",
            None,
        ),
        bind(
            Main,
            &[Key::Code(KeyCode::Right)],
            I::TabNext,
            "next tab of the pane",
            Some(8),
        ),
        bind(
            Main,
            &[Key::Code(KeyCode::Left)],
            I::TabPrevious,
            "tab before",
            None,
        ),
        bind(Main, key!('.'), I::AtHand, "back to the step at hand", None),
        bind(Main, key!('z'), I::Zoom, "zoom the pane", Some(12)),
        bind(Main, key!('y'), I::Copy, "copy", None),
        bind(Main, key!('l'), I::NextLayout, "next layout", Some(13)),
        bind(Main, key!('L'), I::ListLayouts, "choose a layout", None),
        bind(Main, key!('t'), I::NextTheme, "next theme", None),
        bind(Main, key!('/'), I::Search, "search the output", None),
        bind(Main, key!(':'), I::Palette, "all commands", Some(7)),
        bind(
            Main,
            &[Key::Char('?'), Key::Code(KeyCode::F(1))],
            I::Help,
            "help",
            Some(0),
        ),
        bind(
            Main,
            &[Key::Char('q'), Key::Ctrl('c')],
            I::AskQuit,
            "leave",
            Some(14),
        ),
        bind(Output, key!('n'), I::SearchNext, "next match", Some(2)),
        bind(Output, key!('N'), I::SearchPrevious, "match before", None),
        bind(Output, key!('/'), I::Search, "search", Some(1)),
        // Reading is scrolling down: a key of habit must not tick a box that is out of sight.
        bind(Output, key!(' '), I::PageDown, "a page down", None),
        bind(Pane, key!(' '), I::PageDown, "a page down", None),
        bind(Phases, ENTER, I::Open, "open the step", Some(1)),
        bind(Reference, ENTER, I::Open, "open what can be run", Some(1)),
        bind(Reference, key!('y'), I::Copy, "copy the block", Some(2)),
        bind(Reference, key!(' '), I::PageDown, "a page down", None),
        //
        bind(Preview, key!('x'), I::Execute, "EXECUTE", Some(0)),
        bind(
            Preview,
            key!('a'),
            I::Arm,
            "arm: I read it, it is a command",
            Some(1),
        ),
        bind(
            Preview,
            key!('t'),
            I::TypeWord,
            "type the confirmation",
            None,
        ),
        bind(
            Preview,
            key!(' '),
            I::Tick,
            "switch the command on or off",
            Some(2),
        ),
        bind(Preview, key!('r'), I::WriteReason, "give a reason", Some(2)),
        bind(
            Preview,
            key!('c'),
            I::EditConditions,
            "change what must be true",
            None,
        ),
        bind(Preview, key!('i'), I::Inputs, "inputs", None),
        bind(
            Preview,
            key!('e'),
            I::CorrectCommand,
            "correct it for this run",
            None,
        ),
        bind(Preview, key!('y'), I::Copy, "copy the command", Some(4)),
        bind(Preview, CANCEL, I::Close, "close, run nothing", Some(3)),
        //
        bind(Gate, key!(' '), I::Judge, "judge the criterion", Some(0)),
        bind(Gate, key!('G'), I::Go, "GO", Some(1)),
        bind(Gate, key!('h'), I::Hold, "hold", Some(2)),
        bind(Gate, key!('n'), I::NoGo, "no-go", Some(3)),
        bind(Gate, key!('r'), I::WriteReason, "give a reason", Some(4)),
        bind(Gate, key!('!'), I::AskAcknowledge, "acknowledge", None),
        bind(Gate, key!('R'), I::AskRollBack, "rollback", None),
        bind(Gate, CANCEL, I::Close, "close, decide nothing", Some(5)),
        //
        bind(NoGo, key!('t'), I::TryAgain, "try again", Some(0)),
        bind(NoGo, key!('h'), I::Hold, "hold", Some(1)),
        bind(NoGo, key!('R'), I::AskRollBack, "rollback", Some(2)),
        bind(NoGo, key!('A'), I::AskAbandon, "give up", Some(3)),
        bind(NoGo, CANCEL, I::Close, "close, decide nothing", Some(4)),
        //
        bind(RollBack, key!('B'), I::Begin, "BEGIN the rollback", Some(0)),
        bind(
            RollBack,
            key!('t'),
            I::TypeWord,
            "type the confirmation",
            None,
        ),
        bind(
            RollBack,
            key!('r'),
            I::WriteReason,
            "give a reason",
            Some(2),
        ),
        bind(RollBack, key!('y'), I::Copy, "copy the commands", None),
        bind(
            RollBack,
            &[Key::Code(KeyCode::Tab)],
            I::NextField,
            "next option",
            Some(1),
        ),
        bind(
            RollBack,
            &[Key::Code(KeyCode::BackTab)],
            I::PreviousField,
            "option before",
            None,
        ),
        bind(RollBack, CANCEL, I::Close, "close, run nothing", Some(3)),
        //
        bind(Pick, ENTER, I::Pick, "take this one", Some(0)),
        bind(Pick, ESCAPE, I::Close, "close", Some(1)),
        //
        bind(Inputs, ENTER, I::Open, "give a value", Some(0)),
        bind(
            Inputs,
            key!('a'),
            I::TakeRemembered,
            "confirm the remembered value",
            Some(1),
        ),
        bind(
            Inputs,
            key!('A'),
            I::TakeAllRemembered,
            "confirm all remembered",
            Some(2),
        ),
        bind(
            Inputs,
            key!('d'),
            I::TakeDefault,
            "take the default",
            Some(3),
        ),
        bind(Inputs, key!('u'), I::Undo, "undo a change", Some(4)),
        bind(Inputs, key!('c'), I::ClearInput, "leave it open", Some(5)),
        bind(Inputs, key!('/'), I::Search, "filter", Some(6)),
        bind(Inputs, ESCAPE, I::Close, "close", Some(7)),
        //
        bind(Form, ENTER, I::Submit, "keep", Some(0)),
        bind(
            Form,
            &[Key::Code(KeyCode::Tab), Key::Code(KeyCode::Down)],
            I::NextField,
            "next field",
            Some(1),
        ),
        bind(
            Form,
            &[Key::Code(KeyCode::BackTab), Key::Code(KeyCode::Up)],
            I::PreviousField,
            "field before",
            None,
        ),
        bind(Form, ESCAPE, I::Close, "close, keep nothing", Some(2)),
        //
        bind(
            Editor,
            &[Key::Code(KeyCode::Tab)],
            I::Submit,
            "look at it",
            Some(0),
        ),
        bind(Editor, ENTER, I::NewLine, "new line", Some(1)),
        bind(
            Editor,
            &[Key::Code(KeyCode::BackTab)],
            I::NextField,
            "shell or SQL",
            Some(2),
        ),
        bind(
            Editor,
            &[Key::Code(KeyCode::Backspace)],
            I::DeleteBefore,
            "delete",
            None,
        ),
        bind(Editor, &[Key::Code(KeyCode::Up)], I::Up, "up", None),
        bind(Editor, &[Key::Code(KeyCode::Down)], I::Down, "down", None),
        bind(Editor, ESCAPE, I::Close, "close, keep nothing", Some(3)),
        //
        bind(Word, ESCAPE, I::Close, "stop typing", Some(0)),
        //
        bind(Find, ENTER, I::Pick, "take this one", Some(0)),
        bind(Find, &[Key::Code(KeyCode::Up)], I::Up, "up", None),
        bind(Find, &[Key::Code(KeyCode::Down)], I::Down, "down", None),
        bind(Find, ESCAPE, I::Close, "close", Some(1)),
        //
        bind(
            Read,
            &[
                Key::Code(KeyCode::Esc),
                Key::Code(KeyCode::Enter),
                Key::Char('?'),
                Key::Char('q'),
            ],
            I::Close,
            "close",
            Some(0),
        ),
        //
        bind(Quit, key!('l'), I::Leave, "leave: the run goes on", Some(0)),
        bind(Quit, CANCEL, I::Close, "stay", Some(1)),
        //
        bind(Confirm, key!('y'), I::Confirm, "yes", Some(0)),
        bind(Confirm, CANCEL, I::Close, "no", Some(1)),
        //
        bind(
            Resolve,
            key!('h'),
            I::ItHappened,
            "happened, or good",
            Some(0),
        ),
        bind(Resolve, key!('d'), I::ItDidNot, "did not, or bad", Some(1)),
        bind(Resolve, CANCEL, I::Close, "close, say nothing", Some(2)),
        bind(
            Stopped,
            key!('t'),
            I::TryAgain,
            "again from this one",
            Some(0),
        ),
        bind(Stopped, key!('n'), I::GoOn, "on from the next", Some(1)),
        bind(Stopped, CANCEL, I::Close, "stop here", Some(2)),
        //
        bind(Held, key!('C'), I::CommitHeld, "COMMIT", Some(0)),
        bind(Held, key!('b'), I::RollBackHeld, "roll back", Some(1)),
        bind(Held, key!('t'), I::TypeWord, "type the confirmation", None),
        bind(Held, CANCEL, I::Close, "close, decide later", Some(2)),
        //
        bind(
            Keyboard,
            // Ctrl-] arrives as Ctrl-5 from most terminals: both are the same byte.
            &[Key::Ctrl(']'), Key::Ctrl('5')],
            I::TakeKeyboardBack,
            "take the keyboard back",
            Some(0),
        ),
        //
        bind(Held, UP, I::Up, "up", None),
        bind(Held, DOWN, I::Down, "down", None),
        bind(Held, PAGE_UP, I::PageUp, "a page up", None),
        bind(Held, PAGE_DOWN, I::PageDown, "a page down", None),
        bind(
            People,
            key!('o'),
            I::OfferControl,
            "offer the controls",
            Some(0),
        ),
        bind(
            People,
            key!('O'),
            I::OfferToAnybody,
            "offer to anybody",
            Some(1),
        ),
        bind(
            People,
            key!('w'),
            I::Withdraw,
            "withdraw the offer",
            Some(2),
        ),
        bind(People, key!('s'), I::ShutOut, "shut a login out", Some(3)),
        bind(People, CANCEL, I::Close, "close", Some(4)),
        //
        bind(
            HandOver,
            key!('C'),
            I::TakeControls,
            "TAKE the controls",
            Some(0),
        ),
        bind(
            HandOver,
            key!('r'),
            I::WriteReason,
            "give a reason",
            Some(1),
        ),
        bind(HandOver, key!('d'), I::Decline, "decline", Some(2)),
        bind(HandOver, CANCEL, I::Close, "close, take nothing", Some(3)),
        //
        bind(Approve, key!('Y'), I::Approve, "APPROVE", Some(0)),
        bind(Approve, key!('n'), I::Object, "say no", Some(1)),
        bind(Approve, CANCEL, I::Close, "close, say nothing", Some(2)),
        //
        bind(Trust, key!('Y'), I::Trust, "TRUST it", Some(0)),
        bind(Trust, CANCEL, I::Close, "close, start nothing", Some(1)),
        //
        bind(People, UP, I::Up, "up", None),
        bind(People, DOWN, I::Down, "down", None),
        bind(HandOver, UP, I::Up, "up", None),
        bind(HandOver, DOWN, I::Down, "down", None),
        bind(Approve, UP, I::Up, "up", None),
        bind(Approve, DOWN, I::Down, "down", None),
        bind(Approve, PAGE_UP, I::PageUp, "a page up", None),
        bind(Approve, PAGE_DOWN, I::PageDown, "a page down", None),
        bind(Trust, UP, I::Up, "up", None),
        bind(Trust, DOWN, I::Down, "down", None),
        bind(Trust, PAGE_UP, I::PageUp, "a page up", None),
        bind(Trust, PAGE_DOWN, I::PageDown, "a page down", None),
        bind(Preview, UP, I::Up, "up", None),
        bind(Preview, DOWN, I::Down, "down", None),
        bind(Preview, PAGE_UP, I::PageUp, "a page up", None),
        bind(Preview, PAGE_DOWN, I::PageDown, "a page down", None),
        bind(Gate, UP, I::Up, "up", None),
        bind(Gate, DOWN, I::Down, "down", None),
        bind(RollBack, UP, I::Up, "up", None),
        bind(RollBack, DOWN, I::Down, "down", None),
        bind(RollBack, PAGE_UP, I::PageUp, "a page up", None),
        bind(RollBack, PAGE_DOWN, I::PageDown, "a page down", None),
        bind(Pick, UP, I::Up, "up", None),
        bind(Pick, DOWN, I::Down, "down", None),
        bind(Inputs, UP, I::Up, "up", None),
        bind(Inputs, DOWN, I::Down, "down", None),
        bind(Inputs, PAGE_UP, I::PageUp, "a page up", None),
        bind(Inputs, PAGE_DOWN, I::PageDown, "a page down", None),
        bind(Inputs, FIRST, I::First, "to the first", None),
        bind(Inputs, LAST, I::Last, "to the last", None),
        bind(Read, UP, I::Up, "up", None),
        bind(Read, DOWN, I::Down, "down", None),
        bind(Read, PAGE_UP, I::PageUp, "a page up", None),
        bind(Read, PAGE_DOWN, I::PageDown, "a page down", None),
        bind(Stopped, UP, I::Up, "up", None),
        bind(Stopped, DOWN, I::Down, "down", None),
        bind(Resolve, UP, I::Up, "up", None),
        bind(Resolve, DOWN, I::Down, "down", None),
    ]
};
