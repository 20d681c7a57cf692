use std::io::Write;

use super::*;

fn spool(text: &str) -> (tempfile::NamedTempFile, SpoolReader) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let reader = SpoolReader::new(file.path());
    (file, reader)
}

fn texts(lines: &[OutputLine]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

#[test]
fn records_become_lines() {
    let (_file, mut reader) = spool("o5\thello\ne17\toops\tagain\nn30\tcancelled\no31\t\n");
    assert!(reader.poll().unwrap());
    assert!(!reader.poll().unwrap());
    let lines = reader.page(0, 10).unwrap();
    assert_eq!(texts(&lines), ["hello", "oops\tagain", "cancelled", ""]);
    assert_eq!(lines, reader.tail());
    assert_eq!(
        lines
            .iter()
            .map(|line| (line.number, line.at_ms, line.stream))
            .collect::<Vec<_>>(),
        [
            (0, 5, OutputStream::Out),
            (1, 17, OutputStream::Err),
            (2, 30, OutputStream::Note),
            (3, 31, OutputStream::Out),
        ]
    );
}

#[test]
fn a_spool_may_come_later_and_grow_by_half_records() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool");
    let mut reader = SpoolReader::new(&path);
    assert!(!reader.poll().unwrap());
    assert!(reader.tail().is_empty());

    let mut file = File::create(&path).unwrap();
    file.write_all(b"o1\tone\no2\ttw").unwrap();
    assert!(reader.poll().unwrap());
    assert_eq!((reader.lines(), reader.bytes()), (1, 7));
    assert!(!reader.poll().unwrap());
    file.write_all(b"o\n").unwrap();
    assert!(reader.poll().unwrap());
    assert_eq!(texts(&reader.tail()), ["one", "two"]);
    assert_eq!(reader.bytes(), 14);
}

#[test]
fn unfinished_lines_come_last_until_they_are_whole() {
    let (mut file, mut reader) = spool("o1\tone\np2\thalf\nq3\tbroken\n");
    reader.poll().unwrap();
    assert_eq!(reader.lines(), 1);
    let tail = reader.tail();
    assert_eq!(texts(&tail), ["one", "half", "broken"]);
    assert_eq!(
        tail.iter().map(|line| line.number).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    assert_eq!(texts(&reader.page(0, 10).unwrap()), ["one"]);

    file.write_all(b"p4\thalf a\no5\thalf a line\n").unwrap();
    reader.poll().unwrap();
    assert_eq!(texts(&reader.tail()), ["one", "half a line", "broken"]);
    assert_eq!(texts(&reader.page(0, 10).unwrap()), ["one", "half a line"]);
}

#[test]
fn pages_are_found_across_the_index() {
    let text: String = (0..20_000)
        .map(|number| format!("p0\tpart\no{number}\tline {number}\n"))
        .collect();
    let (_file, mut reader) = spool(&text);
    while reader.poll().unwrap() {}
    assert_eq!(reader.lines(), 20_000);
    assert_eq!(reader.index.len(), 5);
    for from in [0, 1, 4095, 4096, 4097, 12_287, 12_288, 19_999] {
        let page = reader.page(from, 2).unwrap();
        assert_eq!(page[0].number, from);
        assert_eq!(page[0].text, format!("line {from}"));
    }
    assert_eq!(reader.page(19_999, 10).unwrap().len(), 1);
    assert!(reader.page(20_000, 10).unwrap().is_empty());
    assert_eq!(reader.tail().len(), 200);
    assert_eq!(reader.tail()[0].number, 19_800);
}

#[test]
fn what_is_no_record_counts_as_a_line_and_is_not_shown() {
    let (_file, mut reader) = spool("o1\tone\ngarbage\n\no2\ttwo\n");
    reader.poll().unwrap();
    assert_eq!(reader.lines(), 4);
    assert_eq!(texts(&reader.page(0, 10).unwrap()), ["one", "two"]);
    assert_eq!(texts(&reader.tail()), ["one", "two"]);
}
