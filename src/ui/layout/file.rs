//! A layout as it stands in a file, and how it is read.

use super::{Extent, Node, Part};
use crate::ui::files::{FileError, Place};
use ratatui::layout::Direction;
use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LayoutFile {
    pub(super) about: String,
    #[serde(default)]
    pub(super) needs: Needs,
    pub(super) rows: Option<Vec<Spanned<PartFile>>>,
    pub(super) columns: Option<Vec<Spanned<PartFile>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Needs {
    #[serde(default)]
    pub(super) columns: u16,
    #[serde(default)]
    pub(super) rows: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartFile {
    pane: Option<Spanned<String>>,
    tabs: Option<Vec<Spanned<String>>>,
    rows: Option<Vec<Spanned<PartFile>>>,
    columns: Option<Vec<Spanned<PartFile>>>,
    size: Option<Spanned<Amount>>,
    least: Option<u16>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Amount {
    Cells(u16),
    Share(String),
}

pub(super) struct Reader<'a> {
    pub(super) place: Place<'a>,
    pub(super) panes: &'a [&'static str],
}

impl Reader<'_> {
    pub(super) fn parts(
        &self,
        parts: Vec<Spanned<PartFile>>,
        direction: Direction,
    ) -> Result<Vec<Part>, FileError> {
        parts
            .into_iter()
            .map(|part| self.part(part, direction))
            .collect()
    }

    pub(super) fn part(
        &self,
        part: Spanned<PartFile>,
        direction: Direction,
    ) -> Result<Part, FileError> {
        let span = part.span();
        let part = part.into_inner();
        let node = match (part.pane, part.tabs, part.rows, part.columns) {
            (Some(pane), None, None, None) => Node::Place(vec![self.pane(&pane)?]),
            (None, Some(tabs), None, None) if !tabs.is_empty() => Node::Place(
                tabs.iter()
                    .map(|tab| self.pane(tab))
                    .collect::<Result<_, _>>()?,
            ),
            (None, None, Some(rows), None) => {
                Node::Split(Direction::Vertical, self.parts(rows, Direction::Vertical)?)
            }
            (None, None, None, Some(columns)) => Node::Split(
                Direction::Horizontal,
                self.parts(columns, Direction::Horizontal)?,
            ),
            _ => {
                return Err(self.place.error(
                    "a part is exactly one of `pane`, `tabs`, `rows` and `columns`",
                    "write for example `{ pane = \"step\", size = \"50%\" }`",
                    span,
                ));
            }
        };
        let amount = match part.size {
            None => Extent::Rest(1),
            Some(size) => {
                let span = size.span();
                match size.into_inner() {
                    Amount::Cells(cells) => Extent::Cells(cells),
                    Amount::Share(text) => Extent::parse(&text).ok_or_else(|| {
                        self.place.error(
                            format!("`{text}` is not a size"),
                            "write cells (`12`), a percentage (`\"40%\"`) or a share of the rest (`\"2fr\"`)",
                            span,
                        )
                    })?,
                }
            }
        };
        let mut least = node.least();
        match (direction, part.least) {
            (Direction::Horizontal, Some(cells)) => least.width = cells,
            (Direction::Vertical, Some(cells)) => least.height = cells,
            (_, None) => {}
        }
        Ok(Part {
            amount,
            least,
            node,
        })
    }

    pub(super) fn pane(&self, name: &Spanned<String>) -> Result<&'static str, FileError> {
        self.panes
            .iter()
            .find(|known| *known == name.get_ref())
            .copied()
            .ok_or_else(|| {
                self.place
                    .unknown("pane", name.get_ref(), self.panes, name.span())
            })
    }
}
