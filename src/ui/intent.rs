//! What a key means, before any pane or dialog sees it. Keys become intents in the keymap, and only
//! intents reach the rest: so the help, the palette and the footer say what will happen.

/// A named command of the cockpit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Intent {
    // Moving.
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    FocusNext,
    FocusPrevious,
    TabNext,
    TabPrevious,
    AtHand,
    Zoom,

    // Looking.
    Open,
    Help,
    Palette,
    ListLayouts,
    NextLayout,
    NextTheme,
    Search,
    SearchNext,
    SearchPrevious,
    Copy,
    Inputs,
    /// What has changed in the guide's file since the run was opened.
    GuideChanged,
    LookAtWatches,

    /// What the run waits for, wherever the focus is.
    Walk,

    // Through time.
    Earlier,
    Later,
    MuchEarlier,
    MuchLater,
    AskMoment,
    BackToNow,

    // In a pane that lists things.
    Detail,
    Filter,
    Sort,
    SortBackwards,
    Group,
    Mark,
    Pause,
    ScrollRight,
    ScrollLeft,
    /// Filter, part, order, marks and pause are dropped.
    ShowAll,
    /// A part of the list, by its number.
    ShowPart(u8),

    // Opening a dialog in which something can be decided.
    AskCancel,
    CancelSession,
    EndSession,
    /// The session of others that the alarm is about.
    EndBlocker,
    ListAlarms,
    AskSkip,
    AskGate,
    AskRollBack,
    AskControl,
    AskApproval,
    ListPeople,
    LetIn,
    RaiseHand,
    Follow,
    AskAcknowledge,
    AskTarget,
    AskTrust,
    AskAbandon,
    AskQuit,
    WriteNote,
    AskHeld,
    WriteCommand,
    CorrectCommand,

    // Walking.
    Tick,
    TickWithNote,
    Undo,
    Resume,
    GiveKeyboard,
    TakeKeyboardBack,
    RollBackHeld,

    // Deciding, inside dialogs.
    Close,
    Execute,
    Arm,
    Begin,
    Confirm,
    CommitHeld,
    Trust,
    Go,
    Hold,
    NoGo,
    TryAgain,
    Judge,
    BindSource,
    WriteReason,
    EditConditions,
    /// The machine to which the guide leads is this one.
    ItIsHere,
    TypeWord,
    Submit,
    Pick,
    NextField,
    NewLine,
    DeleteBefore,
    PreviousField,
    ItHappened,
    ItDidNot,
    /// Goes on behind the command at which an action stopped.
    GoOn,
    TakeRemembered,
    TakeAllRemembered,
    TakeDefault,
    ClearInput,
    OfferControl,
    OfferToAnybody,
    Withdraw,
    ShutOut,
    TakeControls,
    Decline,
    Approve,
    Object,
    Leave,
}

impl Intent {
    /// It changes the run: refused to who only watches, and to keys that came too fast to be typed.
    pub fn acts(self) -> bool {
        self.executes()
            || matches!(
                self,
                Self::Tick
                    | Self::TickWithNote
                    | Self::Undo
                    | Self::Resume
                    | Self::GiveKeyboard
                    | Self::RollBackHeld
                    | Self::Arm
                    | Self::Go
                    | Self::Hold
                    | Self::TryAgain
                    | Self::Judge
                    | Self::ItIsHere
                    | Self::ItHappened
                    | Self::ItDidNot
                    | Self::GoOn
                    | Self::TakeRemembered
                    | Self::TakeAllRemembered
                    | Self::TakeDefault
                    | Self::ClearInput
                    | Self::OfferControl
                    | Self::OfferToAnybody
                    | Self::Withdraw
                    | Self::TakeControls
                    | Self::Decline
                    | Self::Approve
                    | Self::Object
            )
    }

    /// It moves this screen, and so ends following another's.
    pub fn moves(self) -> bool {
        matches!(
            self,
            Self::Up
                | Self::Down
                | Self::PageUp
                | Self::PageDown
                | Self::First
                | Self::Last
                | Self::FocusNext
                | Self::FocusPrevious
                | Self::TabNext
                | Self::TabPrevious
                | Self::AtHand
                | Self::Zoom
                | Self::Open
                | Self::Detail
        )
    }

    /// It is heard while the past is shown: it leads through time or from pane to pane.
    pub fn only_looks(self) -> bool {
        let leads_away = matches!(self, Self::Open | Self::Detail | Self::AtHand);
        self.moves() && !leads_away
            || matches!(
                self,
                Self::Earlier
                    | Self::Later
                    | Self::MuchEarlier
                    | Self::MuchLater
                    | Self::AskMoment
                    | Self::BackToNow
                    | Self::NextLayout
                    | Self::NextTheme
                    | Self::Help
                    | Self::Pick
                    | Self::Close
                    | Self::AskQuit
                    | Self::Leave
            )
    }

    /// It makes something run, stop or end. Never on Enter.
    pub fn executes(self) -> bool {
        matches!(
            self,
            Self::Execute | Self::Begin | Self::Confirm | Self::CommitHeld | Self::Trust
        )
    }

    /// Opens a dialog that only the driver needs.
    pub fn is_for_driver(self) -> bool {
        self.acts()
            || matches!(
                self,
                Self::AskCancel
                    | Self::CancelSession
                    | Self::EndSession
                    | Self::EndBlocker
                    | Self::AskSkip
                    | Self::AskAbandon
                    | Self::AskAcknowledge
                    | Self::AskTarget
                    | Self::WriteCommand
                    | Self::BindSource
                    | Self::CorrectCommand
                    | Self::NoGo
            )
    }
}
