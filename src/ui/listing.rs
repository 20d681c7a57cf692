//! How a pane that lists things is looked at: which rows, in which order, with the cursor on which, and
//! whether they are those of now. The same for all of them; what the rows are is the pane's business.

use std::collections::{BTreeMap, BTreeSet};

use tui_input::Input;

use super::filter::Filter;
use super::model::{Activity, Probe};
use crate::monitor::StatementsSample;
use crate::run::Timestamp;

#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The key of the row with the cursor: it goes with its row. `None`: the first.
    pub cursor: Option<u64>,
    /// Where that row stood last: the cursor stays there when its row goes.
    pub at: usize,
    pub top: usize,
    /// A part of the rows, by its number; `None`: all.
    pub part: Option<u8>,
    /// Rows are counted together by one of the pane's groups; `None`: each stands for itself.
    pub group: Option<u8>,
    pub filter: Filter,
    /// The filter while it is typed.
    pub typed: Option<Input>,
    pub sort: Option<Sort>,
    pub marked: BTreeSet<u64>,
    /// Columns that are scrolled out to the left.
    pub aside: usize,
    pub paused: Option<(Timestamp, Frozen)>,
}

/// By which column, and in which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub column: usize,
    pub descending: bool,
}

/// What a paused pane goes on showing.
#[derive(Clone, Debug)]
pub enum Frozen {
    Sessions(Box<Activity>),
    Statements(Box<StatementsSample>),
    Probes(BTreeMap<String, Probe>),
}
