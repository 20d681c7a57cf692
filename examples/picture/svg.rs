//! A terminal's screen as a compact SVG. Lines and blocks are drawn as shapes, so that they join
//! whatever font the viewer has; text is held to its cells by its length.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

const WIDTH: f32 = 8.4;
const HEIGHT: f32 = 18.0;
const MARGIN: f32 = 12.0;
const FONT_SIZE: f32 = 14.0;
const PAPER: &str = "#12161c";
const INK: &str = "#d5dae1";
const PALETTE: [&str; 16] = [
    "#2a313b", "#e06c75", "#8fc46b", "#d9b55f", "#61a8ea", "#c586d8", "#55bcc6", "#c3cad4",
    "#6f7a88", "#ff7b85", "#a9dd83", "#f2cf76", "#82c0ff", "#dba2ec", "#74d8e2", "#f4f7fa",
];

/// What is the same along a run of cells.
#[derive(Clone, PartialEq)]
struct Look {
    ink: String,
    paper: Option<String>,
    bold: bool,
    dim: bool,
    italic: bool,
    underlined: bool,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let ink = colour(cell.fgcolor());
        let paper = colour(cell.bgcolor());
        let (ink, paper) = if cell.inverse() {
            (
                paper.unwrap_or_else(|| PAPER.to_owned()),
                Some(ink.unwrap_or_else(|| INK.to_owned())),
            )
        } else {
            (ink.unwrap_or_else(|| INK.to_owned()), paper)
        };
        Self {
            ink,
            paper,
            bold: cell.bold(),
            dim: cell.dim(),
            italic: cell.italic(),
            underlined: cell.underline(),
        }
    }

    fn attributes(&self) -> String {
        let mut text = String::new();
        if self.ink != INK {
            text += &format!(" fill=\"{}\"", self.ink);
        }
        for (is, attribute) in [
            (self.bold, " font-weight=\"700\""),
            (self.dim, " opacity=\".6\""),
            (self.italic, " font-style=\"italic\""),
            (self.underlined, " text-decoration=\"underline\""),
        ] {
            if is {
                text += attribute;
            }
        }
        text
    }
}

/// The picture of a screen.
pub fn draw(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let (width, height) = (
        f32::from(columns) * WIDTH + 2.0 * MARGIN,
        f32::from(rows) * HEIGHT + 2.0 * MARGIN,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" \
         aria-label=\"the cockpit in the middle of a migration\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{PAPER}\"/>\n\
         <g transform=\"translate({MARGIN} {MARGIN})\" fill=\"{INK}\" font-size=\"{FONT_SIZE}\" \
         font-family=\"ui-monospace,'DejaVu Sans Mono','Cascadia Mono',Menlo,Consolas,monospace\" \
         xml:space=\"preserve\">\n"
    );
    for row in 0..rows {
        draw_row(&mut svg, screen, row, columns);
    }
    svg += "</g>\n</svg>\n";
    svg
}

fn draw_row(svg: &mut String, screen: &Screen, row: u16, columns: u16) {
    let mut column = 0;
    while column < columns {
        let Some(cell) = screen.cell(row, column) else {
            break;
        };
        let look = Look::of(cell);
        let start = column;
        let mut cells = Vec::new();
        while let Some(cell) = screen.cell(row, column)
            && Look::of(cell) == look
        {
            cells.push(cell.contents().to_owned());
            column += 1;
        }
        if let Some(paper) = &look.paper {
            let _ = writeln!(
                svg,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{paper}\"/>",
                number(x(start)),
                number(y(row)),
                number(f32::from(column - start) * WIDTH + 0.3),
                number(HEIGHT + 0.3),
            );
        }
        draw_shapes(svg, &cells, &look, start, row);
        draw_words(svg, &cells, &look, start, row);
    }
}

/// Text in pieces that two blanks or a shape part: few elements, and nothing drifts.
fn draw_words(svg: &mut String, cells: &[String], look: &Look, start: u16, row: u16) {
    let is_text = |index: usize| {
        cells
            .get(index)
            .is_some_and(|cell| !cell.trim().is_empty() && shape(cell).is_none())
    };
    let mut index = 0;
    while index < cells.len() {
        if !is_text(index) {
            index += 1;
            continue;
        }
        let begin = index;
        let mut end = index + 1;
        while is_text(end)
            || (is_text(end + 1)
                && cells
                    .get(end)
                    .is_some_and(|cell| cell.trim().is_empty() && shape(cell).is_none()))
        {
            end += 1;
        }
        let text: String = cells[begin..end]
            .iter()
            .map(|cell| if cell.is_empty() { " " } else { cell.as_str() })
            .collect();
        let left = start + u16::try_from(begin).unwrap_or(0);
        let length = f32::from(u16::try_from(end - begin).unwrap_or(1)) * WIDTH;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\"{}>{}</text>",
            number(x(left)),
            number(y(row) + 13.3),
            number(length),
            look.attributes(),
            escaped(&text),
        );
        index = end;
    }
}

/// Box lines of a run of cells as one path, blocks as another.
fn draw_shapes(svg: &mut String, cells: &[String], look: &Look, start: u16, row: u16) {
    let (mut lines, mut heavy, mut blocks) = (String::new(), String::new(), String::new());
    let mut index = 0;
    while index < cells.len() {
        let column = start + u16::try_from(index).unwrap_or(0);
        let (left, top) = (x(column), y(row));
        match shape(&cells[index]) {
            // A line of one kind is one stroke.
            Some(Shape::Arms([true, true, false, false], weight)) => {
                let length = cells[index..]
                    .iter()
                    .take_while(|cell| **cell == cells[index])
                    .count();
                let to = x(column + u16::try_from(length).unwrap_or(1));
                let middle = number(top + HEIGHT / 2.0);
                let path = if weight > 1 { &mut heavy } else { &mut lines };
                let _ = write!(path, "M{} {middle}H{}", number(left), number(to));
                index += length;
                continue;
            }
            Some(Shape::Arms(arms, weight)) => {
                let (middle_x, middle_y) = (left + WIDTH / 2.0, top + HEIGHT / 2.0);
                let ends = [
                    (left, middle_y),
                    (left + WIDTH, middle_y),
                    (middle_x, top),
                    (middle_x, top + HEIGHT),
                ];
                let path = if weight > 1 { &mut heavy } else { &mut lines };
                for (end_x, end_y) in ends
                    .iter()
                    .zip(arms)
                    .filter_map(|(end, there)| there.then_some(end))
                {
                    let _ = write!(
                        path,
                        "M{} {}L{} {}",
                        number(middle_x),
                        number(middle_y),
                        number(*end_x),
                        number(*end_y)
                    );
                }
            }
            Some(Shape::Block { width, height }) => {
                let _ = write!(
                    blocks,
                    "M{} {}v-{}h{}v{}z",
                    number(left),
                    number(top + HEIGHT),
                    number(HEIGHT * height),
                    number(WIDTH * width),
                    number(HEIGHT * height)
                );
            }
            None => {}
        }
        index += 1;
    }
    let faint = if look.dim { " opacity=\".6\"" } else { "" };
    for (path, weight) in [(lines, 1.2), (heavy, 2.4)] {
        if !path.is_empty() {
            let _ = writeln!(
                svg,
                "<path d=\"{path}\" stroke=\"{}\" stroke-width=\"{weight}\" stroke-linecap=\"square\" fill=\"none\"{faint}/>",
                look.ink
            );
        }
    }
    if !blocks.is_empty() {
        let _ = writeln!(svg, "<path d=\"{blocks}\" fill=\"{}\"{faint}/>", look.ink);
    }
}

/// A character that is drawn and not written.
enum Shape {
    /// Strokes from the middle of the cell to the left, right, top and bottom; and their weight.
    Arms([bool; 4], u8),
    /// A part of the cell, from its lower left corner.
    Block { width: f32, height: f32 },
}

fn shape(cell: &str) -> Option<Shape> {
    let letter = cell.chars().next()?;
    let arms = |text: &str, weight| {
        let has = |side| text.contains(side);
        Some(Shape::Arms(
            [has('l'), has('r'), has('t'), has('b')],
            weight,
        ))
    };
    match letter {
        '─' => arms("lr", 1),
        '━' => arms("lr", 2),
        '│' => arms("tb", 1),
        '┃' => arms("tb", 2),
        '┌' | '╭' => arms("rb", 1),
        '┐' | '╮' => arms("lb", 1),
        '└' | '╰' => arms("rt", 1),
        '┘' | '╯' => arms("lt", 1),
        '┏' => arms("rb", 2),
        '┓' => arms("lb", 2),
        '┗' => arms("rt", 2),
        '┛' => arms("lt", 2),
        '├' => arms("rtb", 1),
        '┤' => arms("ltb", 1),
        '┬' => arms("lrb", 1),
        '┴' => arms("lrt", 1),
        '┼' => arms("lrtb", 1),
        '▁'..='█' => Some(Shape::Block {
            width: 1.0,
            height: f32::from(u8::try_from(u32::from(letter) - 0x2580).unwrap_or(8)) / 8.0,
        }),
        '▉'..='▏' => Some(Shape::Block {
            width: f32::from(u8::try_from(0x2590 - u32::from(letter)).unwrap_or(8)) / 8.0,
            height: 1.0,
        }),
        _ => None,
    }
}

fn colour(colour: Color) -> Option<String> {
    match colour {
        Color::Default => None,
        Color::Idx(index @ 0..16) => Some(PALETTE[usize::from(index)].to_owned()),
        Color::Idx(index @ 16..232) => {
            let step = |part: u8| match part {
                0 => 0,
                part => 55 + 40 * part,
            };
            let cube = index - 16;
            Some(hex(step(cube / 36), step(cube / 6 % 6), step(cube % 6)))
        }
        Color::Idx(index) => {
            let grey = 8 + 10 * (index - 232);
            Some(hex(grey, grey, grey))
        }
        Color::Rgb(red, green, blue) => Some(hex(red, green, blue)),
    }
}

fn hex(red: u8, green: u8, blue: u8) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn x(column: u16) -> f32 {
    f32::from(column) * WIDTH
}

fn y(row: u16) -> f32 {
    f32::from(row) * HEIGHT
}

/// One decimal, and none where it says nothing.
fn number(value: f32) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
