//! All forms of all secrets, and which of them a text holds. They are many and may change with every line
//! that is typed: putting them in order costs next to nothing, where compiling a pattern of them takes
//! milliseconds.

use std::collections::BTreeSet;
use std::ops::Range;

use super::SHORT;

/// A form is looked for only where its first bytes are those of one.
const FIRST: usize = 4;
const BITS: u32 = 16;

#[derive(Clone, Debug, Default)]
pub(super) struct Needles {
    /// In the order of their bytes.
    forms: Vec<String>,
    /// Bytes of the longest of them.
    longest: usize,
    /// A bit for the first bytes of each, by [`place`].
    begin: Vec<u64>,
}

impl Needles {
    pub fn new(forms: BTreeSet<String>) -> Self {
        let mut begin = vec![0; 1 << (BITS - 6)];
        for (word, bit) in forms.iter().filter_map(|form| place(form.as_bytes())) {
            begin[word] |= bit;
        }
        Self {
            longest: forms.iter().map(String::len).max().unwrap_or(0),
            forms: forms.into_iter().collect(),
            begin,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// Of each place of the text where a form begins that is masked wherever it stands, the longest.
    pub fn in_text<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let bytes = text.as_bytes();
        let places = match self.forms.is_empty() {
            true => 0..0,
            false => 0..(bytes.len() + 1).saturating_sub(FIRST),
        };
        places
            .filter(|start| self.may_begin(&bytes[*start..]))
            .filter_map(|start| Some(start..start + self.longest_at(&bytes[start..])?))
    }

    /// Where a form begins whose end is not there yet: the end of the text where none does.
    pub fn begun(&self, text: &str) -> usize {
        let bytes = text.as_bytes();
        let from = (bytes.len() + 1).saturating_sub(self.longest.max(1));
        let mut places = from..bytes.len();
        places
            .find(|start| {
                let end = &bytes[*start..];
                self.may_begin(end) && {
                    // Longer forms with this beginning come right behind it.
                    let next = self.forms.partition_point(|form| form.as_bytes() <= end);
                    let form = self.forms.get(next);
                    form.is_some_and(|form| form.as_bytes().starts_with(end))
                }
            })
            .unwrap_or(bytes.len())
    }

    fn may_begin(&self, bytes: &[u8]) -> bool {
        place(bytes).is_none_or(|(word, bit)| self.begin[word] & bit != 0)
    }

    /// Bytes of the longest form that these begin with.
    fn longest_at(&self, bytes: &[u8]) -> Option<usize> {
        let mut bytes = &bytes[..bytes.len().min(self.longest)];
        loop {
            let next = self.forms.partition_point(|form| form.as_bytes() <= bytes);
            let form = self.forms[..next].last()?;
            let shared = std::iter::zip(form.as_bytes(), bytes);
            let shared = shared.take_while(|(one, other)| one == other).count();
            if shared == form.len() {
                return (form.chars().count() >= SHORT).then_some(shared);
            }
            // No form between these two is one of its beginnings.
            bytes = &bytes[..shared];
        }
    }
}

/// Where the bit of the first bytes is; `None` where there are too few of them.
fn place(bytes: &[u8]) -> Option<(usize, u64)> {
    let first = u32::from_le_bytes(*bytes.first_chunk::<FIRST>()?);
    let mixed = first.wrapping_mul(0x9e37_79b1) >> (32 - BITS);
    Some((mixed as usize >> 6, 1 << (mixed & 63)))
}
