//! The one writer of HTML: a page that is whole in itself. It holds no script and fetches nothing, and says
//! so to the browser; whatever a field holds is text.

use crate::text::duration::format_ms;

use super::page::{Block, Line, Page, Part, Span, SpanKind, as_they_are, one_line, pieces};

/// Whoever opens the page runs nothing and asks nobody, whatever stands in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

const STYLE: &str = include_str!("../../assets/report.css");

/// Pixels of a chart, without its labels.
const WIDTH: f64 = 640.0;
const ROW: f64 = 22.0;
const LABELS: f64 = 240.0;

pub(super) fn html(page: &Page, title: &str) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        escaped(&one_line(title))
    );
    let mut inside = Inside::Nothing;
    for block in page.blocks() {
        inside.write(&mut out, block);
    }
    inside.leave(&mut out);
    out.push_str("</body>\n</html>\n");
    out
}

/// What an element that is still open holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    List,
    Table,
}

impl Inside {
    fn leave(&mut self, out: &mut String) {
        out.push_str(match self {
            Self::Nothing => "",
            Self::List => "</ul>\n",
            Self::Table => "</tbody></table>\n",
        });
        *self = Self::Nothing;
    }

    fn write(&mut self, out: &mut String, block: &Block) {
        let stays = match block {
            Block::Item(_) => *self == Self::List,
            Block::Row(_) => *self == Self::Table,
            _ => false,
        };
        if !stays {
            self.leave(out);
        }
        match block {
            Block::Heading(level, line) => {
                let line = written(line);
                out.push_str(&format!("<h{level}>{line}</h{level}>\n"));
            }
            Block::Paragraph(line) => out.push_str(&format!("<p>{}</p>\n", written(line))),
            Block::Item(line) => {
                if !stays {
                    out.push_str("<ul>\n");
                    *self = Self::List;
                }
                out.push_str(&format!("<li>{}</li>\n", written(line)));
            }
            Block::Gap => {}
            Block::Table(titles) => {
                out.push_str("<table>");
                if titles.iter().any(|title| !title.is_empty()) {
                    out.push_str("<thead><tr>");
                    for title in titles {
                        out.push_str(&format!("<th>{}</th>", escaped(title)));
                    }
                    out.push_str("</tr></thead>");
                }
                out.push_str("<tbody>\n");
                *self = Self::Table;
            }
            Block::Row(cells) => {
                out.push_str("<tr>");
                for cell in cells {
                    out.push_str(&format!("<td>{}</td>", written(cell)));
                }
                out.push_str("</tr>\n");
            }
            Block::Fence(text) => {
                let text = escaped(&as_they_are(text));
                out.push_str(&format!("<pre>{text}</pre>\n"));
            }
            Block::Spans(spans) => write_chart(out, spans),
        }
    }
}

fn written(line: &Line) -> String {
    let mut out = String::new();
    for part in &line.parts {
        match part {
            Part::Own(words) => write_own(&mut out, words),
            Part::Text(text) => {
                for (is_code, piece) in pieces(&one_line(text)) {
                    match is_code {
                        true => write_element(&mut out, "code", piece),
                        false => out.push_str(&escaped(piece)),
                    }
                }
            }
            Part::Code(text) => write_element(&mut out, "code", &one_line(text)),
            Part::Strong(text) => write_element(&mut out, "strong", one_line(text).trim()),
        }
    }
    out.trim().to_owned()
}

fn write_element(out: &mut String, name: &str, text: &str) {
    if !text.trim().is_empty() {
        out.push_str(&format!("<{name}>{}</{name}>", escaped(text)));
    }
}

/// Words of ours: `**` stands around what is strong, `[x]` and `[ ]` are boxes.
fn write_own(out: &mut String, words: &'static str) {
    let words = words.replace("[x] ", "☑ ").replace("[ ] ", "☐ ");
    for (index, piece) in words.split("**").enumerate() {
        match index % 2 {
            0 => out.push_str(&escaped(piece)),
            _ => write_element(out, "strong", piece),
        }
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

/// Bars over one axis of time.
fn write_chart(out: &mut String, spans: &[Span]) {
    let end = spans
        .iter()
        .map(|span| span.to_ms)
        .max()
        .unwrap_or(0)
        .max(1);
    let place = |ms: u64| ms as f64 / end as f64 * WIDTH;
    let height = ROW * spans.len() as f64 + ROW;
    let width = LABELS + WIDTH + 90.0;
    out.push_str(&format!(
        "<svg viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"times\">\n"
    ));
    for (index, span) in spans.iter().enumerate() {
        let top = ROW * index as f64;
        let from = LABELS + place(span.from_ms);
        // What took no time is seen all the same.
        let took_ms = span.to_ms.saturating_sub(span.from_ms);
        let wide = place(took_ms).max(2.0);
        let class = match span.kind {
            SpanKind::Phase => "phase",
            SpanKind::Good => "good",
            SpanKind::Bad => "bad",
        };
        let label: String = one_line(&span.label).chars().take(34).collect();
        let took = format_ms(took_ms);
        out.push_str(&format!(
            "<text x=\"{:.0}\" y=\"{:.0}\" class=\"label\">{}</text>\
             <rect x=\"{from:.1}\" y=\"{:.0}\" width=\"{wide:.1}\" height=\"14\" class=\"{class}\"/>\
             <text x=\"{:.1}\" y=\"{:.0}\">{took}</text>\n",
            LABELS - 8.0,
            top + 15.0,
            escaped(&label),
            top + 4.0,
            from + wide + 6.0,
            top + 15.0,
        ));
    }
    out.push_str("</svg>\n");
}
