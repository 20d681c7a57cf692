//! The flight recorder: readings are kept with the run, so that its panes can be looked at as they were. It
//! writes from a thread of its own and never holds anybody up; what it cannot keep it leaves out.
//!
//! ```text
//! samples.v1/                     in the run's folder, 0700
//!     1733021100000-1733021159000.z   readings of these milliseconds, compressed (zlib)
//!     tail                            the newest, not yet compressed
//! ```
//!
//! One reading a line: `<milliseconds>\t<kind>\t<source>\t<JSON>`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use super::Sample;
use crate::run::Timestamp;

const FOLDER: &str = "samples.v1";
const TAIL: &str = "tail";
/// Readings of so long, or of so many bytes, are one file.
const SPAN_MS: i64 = 60_000;
const LARGEST: usize = 8 << 20;
/// All of it takes no more than this: the oldest goes first.
const ROOM: u64 = 200 << 20;
/// Readings that wait to be written.
const QUEUE: usize = 256;
/// What a disk must have left: the journal comes first.
const SPARE: u64 = 256 << 20;
const LEVEL: u8 = 6;
/// What charts show is of so long before the moment that is asked for.
const CHARTS_MS: i64 = 600_000;
/// And what follows from the sessions.
const SESSIONS_MS: i64 = 120_000;

/// Hands readings to the thread that writes them.
pub struct Recorder {
    sender: Option<SyncSender<(i64, Sample)>>,
}

impl Recorder {
    /// Begins to keep readings in this run's folder.
    pub fn start(directory: &Path) -> Self {
        let (sender, receiver) = sync_channel(QUEUE);
        let home = Home::of(directory);
        let thread = std::thread::Builder::new().name("recorder".to_owned());
        match thread.spawn(move || write_all(&home, &receiver)) {
            Ok(_) => Self {
                sender: Some(sender),
            },
            Err(error) => {
                tracing::warn!(%error, "readings are not kept");
                Self { sender: None }
            }
        }
    }

    pub fn keep(&self, at: Timestamp, sample: &Sample) {
        let Some(sender) = &self.sender else { return };
        if let Err(TrySendError::Full(_)) = sender.try_send((at.timestamp_millis(), sample.clone()))
        {
            tracing::warn!("a reading is not kept: the disk is slow");
        }
    }
}

fn write_all(home: &Home, receiver: &Receiver<(i64, Sample)>) {
    let mut writer = None;
    let mut failed = false;
    while let Ok((at, sample)) = receiver.recv() {
        let kept = match &mut writer {
            Some(writer) => Writer::keep(writer, at, &sample),
            None => Writer::open(home).and_then(|opened| writer.insert(opened).keep(at, &sample)),
        };
        match kept {
            Ok(()) => failed = false,
            // Tried again with the next; said once.
            Err(error) => {
                writer = None;
                if !std::mem::replace(&mut failed, true) {
                    tracing::warn!(%error, "readings are not kept");
                }
            }
        }
    }
}

/// The run's folder as it was when its supervisor began.
#[derive(Clone)]
struct Home {
    path: PathBuf,
    identity: Option<(u64, u64)>,
    spare: u64,
}

impl Home {
    fn of(path: &Path) -> Self {
        let path = path.to_owned();
        Self {
            identity: identity(&path).ok(),
            path,
            spare: SPARE,
        }
    }

    /// It is still that folder, and its disk has room for what matters more.
    fn check(&self) -> io::Result<()> {
        if Some(identity(&self.path)?) != self.identity {
            return Err(io::Error::other("another folder stands in its place"));
        }
        let disk = rustix::fs::statvfs(&self.path)?;
        match disk.f_bavail.saturating_mul(disk.f_frsize) >= self.spare {
            true => Ok(()),
            false => Err(io::ErrorKind::StorageFull.into()),
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}

struct Writer {
    home: Home,
    folder: PathBuf,
    tail: File,
    text: Vec<u8>,
    span: Option<(i64, i64)>,
}

impl Writer {
    fn open(home: &Home) -> io::Result<Self> {
        home.check()?;
        let folder = home.path.join(FOLDER);
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let path = folder.join(TAIL);
        // One before this was ended in its middle: its tail is the beginning of this one's.
        let mut text = read_or_nothing(&path)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n');
        text.truncate(whole.map_or(0, |at| at + 1));
        let tail = appended(&path)?;
        tail.set_len(text.len() as u64)?;
        let times = lines(&text).map(|line| line.at);
        let span = times.fold(None, |span: Option<(i64, i64)>, at| {
            Some(span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))))
        });
        Ok(Self {
            home: home.clone(),
            folder,
            tail,
            text,
            span,
        })
    }

    fn keep(&mut self, at: i64, sample: &Sample) -> io::Result<()> {
        let (kind, source) = match sample {
            Sample::Activity(sample) => ('a', &sample.target),
            Sample::Statements(sample) => ('s', &sample.target),
            Sample::Database(sample) => ('d', &sample.target),
            Sample::Probe(sample) => ('p', &sample.name),
            // It follows from the sessions.
            Sample::Waits(_) => return Ok(()),
        };
        let source = source.replace(['\t', '\n'], " ");
        let mut line = format!("{at}\t{kind}\t{source}\t").into_bytes();
        serde_json::to_writer(&mut line, sample)?;
        line.push(b'\n');
        self.tail.write_all(&line)?;
        self.text.extend_from_slice(&line);
        // A clock that was set back belongs to the file, too.
        let (first, last) = self.span.unwrap_or((at, at));
        let span = (first.min(at), last.max(at));
        self.span = Some(span);
        if span.1 - span.0 >= SPAN_MS || self.text.len() >= LARGEST {
            self.close(span)?;
        }
        Ok(())
    }

    /// The tail becomes a file of its own.
    fn close(&mut self, (first, last): (i64, i64)) -> io::Result<()> {
        self.home.check()?;
        let draft = self.folder.join("draft");
        let mut file = appended(&draft)?;
        file.set_len(0)?;
        file.write_all(&compress_to_vec_zlib(&self.text, LEVEL))?;
        file.sync_data()?;
        fs::rename(&draft, self.folder.join(format!("{first}-{last}.z")))?;
        self.tail.set_len(0)?;
        self.text.clear();
        self.span = None;
        make_room(&self.folder, ROOM)
    }
}

fn appended(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).open(path)
}

/// Takes the oldest away until the rest has room.
fn make_room(folder: &Path, room: u64) -> io::Result<()> {
    let chunks = chunks(folder)?;
    let mut taken: u64 = chunks.iter().map(|chunk| chunk.bytes).sum();
    for chunk in chunks {
        if taken <= room {
            break;
        }
        fs::remove_file(&chunk.path)?;
        taken -= chunk.bytes;
    }
    Ok(())
}

struct Chunk {
    path: PathBuf,
    first: i64,
    last: i64,
    bytes: u64,
}

impl Chunk {
    fn text(&self) -> io::Result<Vec<u8>> {
        let text = decompress_to_vec_zlib_with_limit(&fs::read(&self.path)?, LARGEST * 8);
        text.map_err(|error| io::Error::other(error.to_string()))
    }
}

/// The files of a folder, oldest first.
fn chunks(folder: &Path) -> io::Result<Vec<Chunk>> {
    let mut chunks = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let times = name.to_str().and_then(|name| name.strip_suffix(".z"));
        let Some((first, last)) = times.and_then(|times| times.split_once('-')) else {
            continue;
        };
        if let (Ok(first), Ok(last)) = (first.parse(), last.parse()) {
            chunks.push(Chunk {
                path: entry.path(),
                first,
                last,
                bytes: entry.metadata()?.len(),
            });
        }
    }
    chunks.sort_by_key(|chunk| chunk.first);
    Ok(chunks)
}

fn read_or_nothing(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

/// A line that can be read; one that was cut off is none.
struct Kept<'a> {
    at: i64,
    kind: &'a str,
    source: &'a str,
    json: &'a str,
}

fn lines(text: &[u8]) -> impl Iterator<Item = Kept<'_>> {
    let lines = text.split(|byte| *byte == b'\n');
    lines.filter_map(|line| {
        let mut fields = std::str::from_utf8(line).ok()?.splitn(4, '\t');
        Some(Kept {
            at: fields.next()?.parse().ok()?,
            kind: fields.next()?,
            source: fields.next()?,
            json: fields.next()?,
        })
    })
}

/// What was known at a moment: the last reading of everything, and what charts show before it; oldest
/// first. Empty where nothing was kept then.
///
/// # Errors
/// What was kept cannot be read.
pub fn readings_at(directory: &Path, at: Timestamp) -> io::Result<Vec<Sample>> {
    let folder = directory.join(FOLDER);
    let at = at.timestamp_millis();
    let mut texts = Vec::new();
    // First, as it may be a file a moment later; what is found twice is said once.
    let tail = read_or_nothing(&folder.join(TAIL))?;
    let chunks = match chunks(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        chunks => chunks?,
    };
    for chunk in chunks {
        if chunk.first <= at && chunk.last >= at - CHARTS_MS {
            match chunk.text() {
                Ok(text) => texts.push(text),
                // It may have gone for want of room, or be damaged: the others can be shown.
                Err(error) => tracing::warn!(%error, "readings of a minute cannot be read"),
            }
        }
    }
    texts.push(tail);
    let mut kept: Vec<Kept<'_>> = texts
        .iter()
        .flat_map(|text| lines(text))
        .filter(|line| line.at <= at)
        .filter(|line| match line.kind {
            "a" => line.at >= at - SESSIONS_MS,
            _ => line.at >= at - CHARTS_MS,
        })
        .collect();
    kept.sort_by_key(|line| (line.at, line.kind, line.source));
    kept.dedup_by_key(|line| (line.at, line.kind, line.source));
    let samples = kept.iter().map(|line| serde_json::from_str(line.json));
    Ok(samples.filter_map(Result::ok).collect())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::monitor::ProbeSample;

    fn probe(at_ms: i64) -> Sample {
        let at = DateTime::from_timestamp_millis(at_ms).unwrap();
        Sample::Probe(ProbeSample {
            at,
            name: "api".to_owned(),
            url: "http://api/health".to_owned(),
            healthy: true,
            status: Some(200),
            latency_ms: 1.0,
            error: None,
            version: None,
            since: at,
        })
    }

    fn moment(at_ms: i64) -> Timestamp {
        DateTime::from_timestamp_millis(at_ms).unwrap()
    }

    fn roomy(directory: &Path) -> Home {
        Home {
            spare: 0,
            ..Home::of(directory)
        }
    }

    #[test]
    fn nothing_is_kept_in_another_folder_or_on_a_disk_without_room() {
        let home = tempfile::tempdir().unwrap();
        let run = home.path().join("run");
        fs::create_dir(&run).unwrap();
        let greedy = Home {
            spare: u64::MAX,
            ..Home::of(&run)
        };
        assert!(Writer::open(&greedy).is_err());
        let known = roomy(&run);
        fs::rename(&run, home.path().join("away")).unwrap();
        fs::create_dir(&run).unwrap();
        assert!(Writer::open(&known).is_err());
        assert!(fs::read_dir(&run).unwrap().next().is_none());
    }

    fn times(directory: &Path, at_ms: i64) -> Vec<i64> {
        let samples = readings_at(directory, moment(at_ms)).unwrap();
        let times = samples.iter().map(|sample| match sample {
            Sample::Probe(probe) => probe.at.timestamp_millis(),
            other => panic!("{other:?}"),
        });
        times.collect()
    }

    #[test]
    fn a_moment_has_the_readings_before_it_whether_they_are_compressed_or_not() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(FOLDER);
        let mut writer = Writer::open(&roomy(home.path())).unwrap();
        for second in 0..150 {
            writer.keep(second * 1_000, &probe(second * 1_000)).unwrap();
        }
        assert_eq!(chunks(&folder).unwrap().len(), 2);
        assert_eq!(
            times(home.path(), 30_500),
            (0..=30).map(|s| s * 1_000).collect::<Vec<_>>()
        );
        assert_eq!(times(home.path(), 149_000).len(), 150);
        assert!(times(home.path(), -1).is_empty());
    }

    #[test]
    fn who_goes_on_after_a_crash_loses_the_line_that_was_cut_off_and_no_other() {
        let home = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(&roomy(home.path())).unwrap();
        writer.keep(1_000, &probe(1_000)).unwrap();
        writer.tail.write_all(b"2000\tp\tapi\t{\"kin").unwrap();
        let mut next = Writer::open(&roomy(home.path())).unwrap();
        next.keep(3_000, &probe(3_000)).unwrap();
        assert_eq!(times(home.path(), 5_000), [1_000, 3_000]);
    }

    #[test]
    fn what_is_torn_or_damaged_hides_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(FOLDER);
        let mut writer = Writer::open(&roomy(home.path())).unwrap();
        writer.keep(3_000, &probe(3_000)).unwrap();
        writer.tail.write_all(b"4000\tp\tapi\t{\"kin").unwrap();
        fs::write(folder.join("1000-2000.z"), b"").unwrap();
        assert_eq!(times(home.path(), 5_000), [3_000]);
    }

    #[test]
    fn the_oldest_goes_when_there_is_no_more_room() {
        let home = tempfile::tempdir().unwrap();
        for (name, bytes) in [("1-2.z", 10), ("3-4.z", 10), ("5-6.z", 10)] {
            fs::write(home.path().join(name), vec![0; bytes]).unwrap();
        }
        make_room(home.path(), 20).unwrap();
        let left: Vec<i64> = chunks(home.path())
            .unwrap()
            .iter()
            .map(|chunk| chunk.first)
            .collect();
        assert_eq!(left, [3, 5]);
    }
}
