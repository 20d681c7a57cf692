//! Layouts as files: where panes stand between the header and the footer. A layout is a tree of
//! `rows` and `columns` whose leaves name a pane, or several that share a place as `tabs`. The
//! banner, the rollback and the keys belong to no layout: a file cannot take them away.
//!
//! Where a part of the tree cannot have its least size, only the child that holds the focus is shown.

mod file;

use file::{LayoutFile, Reader};
use ratatui::layout::{Direction, Rect, Size};

use super::files::{FileError, Place};

const EMBEDDED: [(&str, &str); 4] = [
    ("default", include_str!("../../layouts/default.toml")),
    ("database", include_str!("../../layouts/database.toml")),
    ("review", include_str!("../../layouts/review.toml")),
    (NARROW, include_str!("../../layouts/narrow.toml")),
];

/// The layout that is taken where the chosen one does not fit.
pub const NARROW: &str = "narrow";

/// Least columns and rows of a place on the screen.
const LEAST: Size = Size {
    width: 20,
    height: 4,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub name: String,
    pub about: String,
    /// Least size of the whole terminal.
    pub needs: Size,
    root: Node,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Place(Vec<&'static str>),
    Split(Direction, Vec<Part>),
}

#[derive(Clone, Debug, PartialEq)]
struct Part {
    amount: Extent,
    least: Size,
    node: Node,
}

/// How much of its split a part takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Cells(u16),
    Percent(u16),
    /// A share of what the others leave.
    Rest(u16),
}

impl Extent {
    fn parse(text: &str) -> Option<Self> {
        if let Some(percent) = text.strip_suffix('%') {
            return percent.trim().parse().ok().map(Self::Percent);
        }
        let share = text.strip_suffix("fr")?;
        share.trim().parse().ok().map(Self::Rest)
    }

    fn weight(self) -> u32 {
        match self {
            Self::Rest(weight) => weight.into(),
            Self::Cells(_) | Self::Percent(_) => 0,
        }
    }
}

impl Node {
    /// A split that is left with one part is that part.
    fn without(&self, pane: &str) -> Option<Self> {
        match self {
            Self::Place(tabs) => {
                let left = tabs.iter().copied().filter(|tab| *tab != pane);
                let left: Vec<_> = left.collect();
                (!left.is_empty()).then_some(Self::Place(left))
            }
            Self::Split(direction, parts) => {
                let mut left: Vec<Part> = Vec::new();
                for part in parts {
                    left.extend(part.node.without(pane).map(|node| Part {
                        node,
                        ..part.clone()
                    }));
                }
                match left.len() {
                    0 => None,
                    1 => left.pop().map(|part| part.node),
                    _ => Some(Self::Split(*direction, left)),
                }
            }
        }
    }

    /// The least size in which all of it can be seen.
    fn least(&self) -> Size {
        match self {
            Self::Place(_) => LEAST,
            Self::Split(direction, parts) => {
                let widths = parts.iter().map(|part| part.least.width);
                let heights = parts.iter().map(|part| part.least.height);
                match direction {
                    Direction::Horizontal => Size::new(
                        widths.fold(0, |sum, width| sum.saturating_add(width).saturating_add(1)),
                        heights.max().unwrap_or(0),
                    ),
                    Direction::Vertical => Size::new(
                        widths.max().unwrap_or(0),
                        heights.fold(0, u16::saturating_add),
                    ),
                }
            }
        }
    }
}

/// A pane on the screen, and the tabs it shares the place with (itself among them).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub pane: &'static str,
    pub area: Rect,
    pub tabs: Vec<&'static str>,
}

/// What a layout comes to at one size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrangement {
    pub places: Vec<Placed>,
    /// Rules between columns.
    pub rules: Vec<Rect>,
}

impl Layout {
    /// The layouts that come with the program, the default one first.
    ///
    /// # Errors
    /// A mistake in an embedded file; a test holds them to have none.
    pub fn embedded(panes: &[&'static str]) -> Result<Vec<Self>, FileError> {
        EMBEDDED
            .iter()
            .map(|(name, text)| Self::parse(name, text, &format!("layouts/{name}.toml"), panes))
            .collect()
    }

    /// Reads a layout file; `panes` are the names it may use.
    ///
    /// # Errors
    /// Not TOML, an unknown pane, or a part that is not exactly one of a pane, tabs, rows and
    /// columns; each with its line.
    pub fn parse(
        name: &str,
        text: &str,
        path: &str,
        panes: &[&'static str],
    ) -> Result<Self, FileError> {
        let reader = Reader {
            place: Place { path, text },
            panes,
        };
        let file: LayoutFile = toml::from_str(text).map_err(|error| reader.place.toml(&error))?;
        let (direction, parts) = match (file.rows, file.columns) {
            (Some(rows), None) => (Direction::Vertical, rows),
            (None, Some(columns)) => (Direction::Horizontal, columns),
            _ => {
                return Err(reader.place.error(
                    "a layout holds either `rows` or `columns`",
                    "write `rows = [ { pane = \"step\" } ]`",
                    0..0,
                ));
            }
        };
        Ok(Self {
            name: name.to_owned(),
            about: file.about,
            needs: Size::new(file.needs.columns, file.needs.rows),
            root: Node::Split(direction, reader.parts(parts, direction)?),
        })
    }

    /// The same without a pane; the whole of it where nothing else would be left.
    #[must_use]
    pub fn without(&self, pane: &str) -> Self {
        let mut layout = self.clone();
        if let Some(root) = self.root.without(pane) {
            layout.root = root;
        }
        layout
    }

    /// Whether the whole terminal is large enough.
    pub fn fits(&self, terminal: Size) -> bool {
        terminal.width >= self.needs.width && terminal.height >= self.needs.height
    }

    /// Every pane of the layout, in the order in which the focus passes over them.
    pub fn panes(&self) -> Vec<&'static str> {
        let mut panes = Vec::new();
        collect(&self.root, &mut panes);
        panes
    }

    /// The places of the layout, each with its tabs.
    pub fn places(&self) -> Vec<&[&'static str]> {
        let mut places = Vec::new();
        collect_places(&self.root, &mut places);
        places
    }

    /// Divides an area. `recent` holds pane names, the focused one first: it decides which tab shows.
    pub fn arrange(&self, area: Rect, recent: &[&'static str]) -> Arrangement {
        let mut arrangement = Arrangement::default();
        place(&self.root, area, recent, &mut arrangement);
        arrangement
    }
}

fn collect(node: &Node, panes: &mut Vec<&'static str>) {
    match node {
        Node::Place(tabs) => panes.extend(tabs),
        Node::Split(_, parts) => {
            for part in parts {
                collect(&part.node, panes);
            }
        }
    }
}

fn collect_places<'a>(node: &'a Node, places: &mut Vec<&'a [&'static str]>) {
    match node {
        Node::Place(tabs) => places.push(tabs),
        Node::Split(_, parts) => {
            for part in parts {
                collect_places(&part.node, places);
            }
        }
    }
}

/// How recently something in this node had the focus; smaller is more recent.
fn recency(node: &Node, recent: &[&'static str]) -> usize {
    let mut panes = Vec::new();
    collect(node, &mut panes);
    panes
        .iter()
        .filter_map(|pane| recent.iter().position(|name| name == pane))
        .min()
        .unwrap_or(usize::MAX)
}

fn place(node: &Node, area: Rect, recent: &[&'static str], arrangement: &mut Arrangement) {
    match node {
        Node::Place(tabs) => {
            let shown = tabs.iter().min_by_key(|tab| {
                recent
                    .iter()
                    .position(|name| name == *tab)
                    .unwrap_or(usize::MAX)
            });
            if let Some(pane) = shown {
                arrangement.places.push(Placed {
                    pane,
                    area,
                    tabs: tabs.clone(),
                });
            }
        }
        Node::Split(direction, parts) => {
            let along = |size: Size| match direction {
                Direction::Horizontal => size.width,
                Direction::Vertical => size.height,
            };
            let gaps = match direction {
                Direction::Horizontal => parts.len().saturating_sub(1),
                Direction::Vertical => 0,
            };
            let wanted: usize = parts
                .iter()
                .map(|part| usize::from(along(part.least)))
                .sum::<usize>()
                + gaps;
            if wanted > usize::from(along(area.as_size())) {
                let nearest = parts.iter().min_by_key(|part| recency(&part.node, recent));
                if let Some(part) = nearest {
                    place(&part.node, area, recent, arrangement);
                }
                return;
            }
            let gap = u16::try_from(gaps).unwrap_or(u16::MAX);
            let lengths = divide(along(area.as_size()).saturating_sub(gap), parts, along);
            let mut rest = area;
            for (index, (part, length)) in parts.iter().zip(lengths).enumerate() {
                let own = match direction {
                    Direction::Horizontal => {
                        if index > 0 {
                            arrangement.rules.push(Rect { width: 1, ..rest });
                            rest.x += 1;
                            rest.width -= 1;
                        }
                        let own = Rect {
                            width: length,
                            ..rest
                        };
                        rest.x += length;
                        rest.width -= length;
                        own
                    }
                    Direction::Vertical => {
                        let own = Rect {
                            height: length,
                            ..rest
                        };
                        rest.y += length;
                        rest.height -= length;
                        own
                    }
                };
                place(&part.node, own, recent, arrangement);
            }
        }
    }
}

/// Cells for each part: its amount, at least its least, in all exactly `total`. The caller knows
/// that `total` holds the least of all.
fn divide(total: u16, parts: &[Part], along: impl Fn(Size) -> u16) -> Vec<u16> {
    let total = u32::from(total);
    let fixed = |part: &Part| match part.amount {
        Extent::Cells(cells) => u32::from(cells),
        Extent::Percent(percent) => total * u32::from(percent) / 100,
        Extent::Rest(_) => 0,
    };
    let weights: u32 = parts.iter().map(|part| part.amount.weight()).sum();
    let left = total.saturating_sub(parts.iter().map(fixed).sum());
    let least: Vec<u32> = parts.iter().map(|part| along(part.least).into()).collect();
    let mut lengths: Vec<u32> = parts
        .iter()
        .zip(&least)
        .map(|(part, least)| {
            let share = (left * part.amount.weight()).checked_div(weights);
            (fixed(part) + share.unwrap_or(0)).max(*least)
        })
        .collect();
    loop {
        let sum: u32 = lengths.iter().sum();
        let most_spare = (0..parts.len()).max_by_key(|index| lengths[*index] - least[*index]);
        let greediest = (0..parts.len())
            .rev()
            .max_by_key(|index| parts[*index].amount.weight());
        match (most_spare, greediest) {
            (Some(index), _) if sum > total && lengths[index] > least[index] => lengths[index] -= 1,
            (_, Some(index)) if sum < total => lengths[index] += total - sum,
            _ => break,
        }
    }
    lengths
        .into_iter()
        .map(|length| u16::try_from(length).unwrap_or(u16::MAX))
        .collect()
}

#[cfg(test)]
mod tests;
