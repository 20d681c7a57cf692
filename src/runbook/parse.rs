//! Markdown text to [`Runbook`]: decode, read the outline, give every block its role, choose the
//! phases, and put every section where it belongs.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::annotate::beside;
use super::assemble::{self, Assembler};
use super::config::Annotation;
use super::source::Source;
use super::{
    Runbook, blocks, elsewhere, findings, flag, headings, lint, masking, outline, phases, repeats,
    scaled, settings, variables,
};
use crate::text::scrub::visible;
use crate::text::written;

/// Reads a guide. `file` is the path for messages; `bytes` the file as it is. Never fails: what cannot
/// be understood is a diagnostic of the result.
pub fn parse(file: &str, bytes: &[u8]) -> Runbook {
    parse_annotated(file, bytes, &[])
}

/// [`parse`], with annotations of this guide that `gonogo.toml` carries. One that fits no block, or more
/// than one, is a diagnostic.
pub fn parse_annotated(file: &str, bytes: &[u8], annotations: &[Annotation]) -> Runbook {
    let mut source = Source::decode(bytes);
    let mut diagnostics = std::mem::take(&mut source.diagnostics);
    let front = settings::front_matter(&source, &mut diagnostics);
    let nodes = outline::outline(&source, front.end);
    let mut headings = headings::headings(&nodes);
    beside::settle_headings(&source, &mut headings, annotations, &mut diagnostics);
    let beside = beside::resolve(&source, &nodes, &headings, annotations, &mut diagnostics);
    let has_secrets = !written::secrets_in(&source.text).is_empty();
    if has_secrets {
        masking::mask_headings(&mut headings);
    }
    // What a few lines need is compiled sooner than a thread is started.
    const WORTH_A_THREAD: usize = 50;
    let mut blocks = std::thread::scope(|scope| {
        if nodes.len() > WORTH_A_THREAD {
            scope.spawn(assemble::prepare);
        }
        blocks::read(&nodes, &headings, &beside)
    });
    elsewhere::settle(&nodes, &headings, &mut blocks);
    let names = variables::collect(&mut blocks.blocks);
    let chosen = phases::choose(&headings, &nodes, &blocks);

    let mut assembler = Assembler::new(&source, &nodes, &headings, &blocks, &chosen.phases);
    assembler.assemble();
    let mut runbook = assembler.into_runbook();
    runbook.file = visible(file).replace(['\n', '\t'], " ");
    runbook.digest = hexadecimal(&Sha256::digest(bytes));
    runbook.repaired = source.repaired.clone();
    runbook.settings = front.settings;
    runbook.phases_why.clone_from(&chosen.why);
    runbook.title = front
        .title
        .filter(|_| runbook.title.is_empty())
        .unwrap_or_else(|| std::mem::take(&mut runbook.title));
    if runbook.title.is_empty() {
        runbook.title = stem(&runbook.file).to_owned();
    }
    runbook.blocks = std::mem::take(&mut blocks.blocks);
    flag::add_undoes(&mut runbook);
    repeats::settle(&mut runbook);
    scaled::settle(&mut runbook);
    names.settle(&mut runbook);
    diagnostics.extend(lint::lint(&lint::Context {
        source: &source,
        nodes: &nodes,
        headings: &headings,
        blocks: &blocks,
        chosen: &chosen,
        runbook: &runbook,
    }));
    diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
    runbook.diagnostics = diagnostics;
    findings::settle(&mut runbook, &source.text);
    if has_secrets {
        masking::mask_texts(&mut runbook);
    }
    runbook.completed()
}

/// The text of a guide as its diagnostics count lines and columns: decoded, repaired, with the line ends
/// of Unix.
pub fn decoded(bytes: &[u8]) -> String {
    Source::decode(bytes).text
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

fn stem(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.split_once('.').map_or(name, |(stem, _)| stem)
}
