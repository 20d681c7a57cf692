//! Opens a run: reads the guide and its configuration, settles values, and writes the first event.
//! From then on the run lives in its journal.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::configuration::{self, ConfigFile};
use super::exit::{Exit, Trouble};
use super::{OpenArguments, identity, inputs, print};
use crate::journal::{Journal, SqliteJournal};
use crate::monitor::{Target, surroundings};
use crate::owned;
use crate::run::{
    ActionId, ArmedBefore, ConditionNames, ENGINE, Event, Input, PairingFact, Provenance, Record,
    steps_of_others,
};
use crate::runbook::config::{Config, Environment};
use crate::runbook::diagnostic::{Diagnostic, Severity, render};
use crate::runbook::{self, ConditionProblem, Runbook, parse_annotated};
use crate::supervisor::place;

/// The largest guide that is read.
const LARGEST_GUIDE: u64 = 64 << 20;

/// A guide with its environment, before anything is written.
pub(super) struct Opened {
    pub runbook: Runbook,
    pub source: Vec<u8>,
    pub environment: Environment,
    /// Where shell steps start.
    pub directory: PathBuf,
    pub inputs: BTreeMap<String, Input>,
    pub window_s: Option<u64>,
    pub provenance: Provenance,
    /// What earlier runs of this exact guide have armed.
    pub armed_before: BTreeMap<ActionId, ArmedBefore>,
    /// Other logins that may watch: users and `@groups`.
    pub allow: Vec<String>,
    /// What the engine puts on record first.
    pub known: Vec<Event>,
}

/// Reads a guide's bytes; a folder, a pipe or an unreadable file is said as such.
pub(super) fn read_guide(path: &Path) -> color_eyre::Result<Vec<u8>> {
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| {
        let help = match near_path(path) {
            Some(near) => format!("did you mean `{}`?", near.display()),
            None => "name a Markdown file".to_owned(),
        };
        Trouble::usage(format!("cannot read `{shown}`: {error}"), help)
    })?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() {
            "a folder"
        } else {
            "not a regular file"
        };
        return Err(Trouble::usage(
            format!("`{shown}` is {what}"),
            "name a Markdown file",
        ));
    }
    if metadata.len() > LARGEST_GUIDE {
        return Err(Trouble::usage(
            format!(
                "`{shown}` has {} MiB; a guide may have 64",
                metadata.len() >> 20
            ),
            "name a Markdown file",
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| {
        Trouble::usage(
            format!("cannot read `{shown}`: {error}"),
            "check its permissions",
        )
    })?;
    let is_utf16 = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    if bytes.contains(&0) && !is_utf16 {
        return Err(Trouble::usage(
            format!("`{shown}` is not text: it holds NUL bytes"),
            "name a Markdown file",
        ));
    }
    Ok(bytes)
}

/// The file that was most likely meant by a path with a slip in its last part.
fn near_path(path: &Path) -> Option<PathBuf> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let wanted = path.file_name()?.to_str()?;
    let names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let near = runbook::closest(wanted, &names)?;
    Some(match folder == Path::new(".") && !path.starts_with(".") {
        true => PathBuf::from(near),
        false => folder.join(near),
    })
}

/// Reads the text of a guide, with what its `gonogo.toml` says about its blocks.
pub(super) fn understand(
    guide: &Path,
    bytes: &[u8],
    config: &Config,
    file: Option<&ConfigFile>,
) -> Runbook {
    let annotations = file
        .and_then(|file| configuration::guide_name(guide, &file.path))
        .map_or(Vec::new(), |name| config.annotations_of(&name));
    parse_annotated(&guide.display().to_string(), bytes, &annotations)
}

pub(super) fn errors(diagnostics: &[Diagnostic]) -> usize {
    diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count()
}

pub(super) fn counted(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// The environment to act on: the one named, the default, or the only one.
fn choose_environment(config: &Config, wanted: Option<&str>) -> color_eyre::Result<Environment> {
    let known = || {
        let names: Vec<String> = config
            .environments
            .keys()
            .map(|name| format!("`{name}`"))
            .collect();
        match names.is_empty() {
            true => {
                "there is no `gonogo.toml` beside the guide or above it that names one".to_owned()
            }
            false => format!("it has {}", names.join(", ")),
        }
    };
    let name = match (wanted, &config.default_environment) {
        (Some(name), _) => name,
        (None, Some(name)) => name,
        (None, None) => match config.environments.keys().collect::<Vec<_>>().as_slice() {
            [] => {
                return Ok(Environment {
                    name: "local".to_owned(),
                    ..Environment::default()
                });
            }
            [only] => only,
            _ => {
                return Err(Trouble::usage(
                    "no environment given",
                    format!("name one with `--env`: {}", known()),
                ));
            }
        },
    };
    config.environments.get(name).cloned().ok_or_else(|| {
        let names: Vec<&str> = config.environments.keys().map(String::as_str).collect();
        let help = match runbook::closest(name, &names) {
            Some(near) => format!("did you mean `{near}`? {}", known()),
            None => known(),
        };
        Trouble::usage(format!("there is no environment `{name}`"), help)
    })
}

/// Settles where each target leads, once: from here on no variable of any shell and no service file
/// has a say in it.
fn settle_targets(environment: &mut Environment) -> color_eyre::Result<()> {
    let surroundings = surroundings();
    for (name, target) in &mut environment.targets {
        let settled =
            Target::settle(name, &target.postgres, &surroundings, None).map_err(|error| {
                Trouble::usage(format!("target `{name}`: {}", error.message), error.help)
            })?;
        let settled = settled.settled();
        target.postgres = settled.conninfo();
        target
            .password_service
            .clone_from(&settled.password_service);
        target.told_by = settled.told_by();
    }
    environment.surroundings = Some(surroundings);
    Ok(())
}

/// Adds what is wrong with the guide's conditions: syntax, bounds, and names that neither the guide
/// nor any environment's probes know.
pub(super) fn check_conditions(runbook: &mut Runbook, bytes: &[u8], config: &Config) {
    let probes: Vec<String> = config
        .environments
        .values()
        .flat_map(|environment| environment.probes.keys().cloned())
        .collect();
    let probes = (!config.environments.is_empty()).then_some(probes);
    let names = ConditionNames::of(runbook, probes.as_deref());
    let found = names.checking(|check| {
        runbook::check_conditions(runbook, bytes, |condition, wanted| {
            let problem = check(condition, wanted)
                .err()
                .map(|error| ConditionProblem {
                    fragment: error.name.unwrap_or_default(),
                    message: error.message,
                    help: error.help,
                });
            problem.into_iter().collect()
        })
    });
    let found = found.unwrap_or_else(|reason| {
        vec![Diagnostic {
            severity: Severity::Error,
            code: "bad-condition".to_owned(),
            line: 1,
            column: 1,
            width: 1,
            message: format!("the conditions of this guide cannot be checked: {reason}"),
            help: "write them more simply".to_owned(),
            also: Vec::new(),
        }]
    });
    if !found.is_empty() {
        runbook.diagnostics.extend(found);
        runbook::settle_findings(runbook, &runbook::decoded(bytes));
    }
}

/// Reads everything a run is opened from, to look at it.
pub(super) fn prepare(arguments: &OpenArguments) -> color_eyre::Result<Opened> {
    read_guide(&arguments.guide).and_then(|source| prepare_from(arguments, source))
}

/// Reads everything a run is opened from, to run it: what runs is what nobody else could have written.
pub(super) fn prepare_to_run(arguments: &OpenArguments) -> color_eyre::Result<Opened> {
    // What is wrong with it as a text is said first.
    read_guide(&arguments.guide)?;
    let judged = owned::read(&arguments.guide, LARGEST_GUIDE)
        .map_err(|why| configuration::refused("the guide", &why))?;
    prepare_from(arguments, judged.bytes)
}

fn prepare_from(arguments: &OpenArguments, source: Vec<u8>) -> color_eyre::Result<Opened> {
    let (config, file) = configuration::read(&arguments.guide)?;
    let mut runbook = understand(&arguments.guide, &source, &config, file.as_ref());
    check_conditions(&mut runbook, &source, &config);
    let mut environment = choose_environment(&config, arguments.env.as_deref())?;
    settle_targets(&mut environment)?;
    // Without a configuration the commands run where the operator stands, as if typed there.
    let beside = file
        .as_ref()
        .and_then(|file| file.path.parent())
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
        .canonicalize()?;
    let directory = match &environment.directory {
        // Without the `.` of it: the path stands on every screen. Links are left as they are.
        Some(directory) => beside.join(directory).components().collect(),
        None => beside,
    };
    if !directory.is_dir() {
        return Err(Trouble::usage(
            format!("`{}` is not a folder", directory.display()),
            "fix `directory` of the environment",
        ));
    }
    if let Some(scale) = runbook.settings.scale.filter(|_| environment.protected) {
        return Err(Trouble::usage(
            format!(
                "the guide lets windows and waits last 1/{scale} of their time, and `{}` is protected",
                environment.name
            ),
            "remove `scale` from its front matter, or choose an environment to try it in",
        ));
    }
    inputs::apply_rules(&mut runbook, &config);
    let (inputs, origins) = inputs::first_values(&runbook, &environment, arguments)?;
    let window_s = match &arguments.window {
        Some(text) => Some(crate::text::duration::parse_s(text).ok_or_else(|| {
            Trouble::usage(format!("`{text}` is not a duration"), "write `90m` or `2h`")
        })?),
        None => environment.window_s.or(runbook.settings.window_s),
    };
    Ok(Opened {
        runbook,
        source,
        environment,
        directory,
        inputs,
        window_s,
        provenance: Provenance {
            guide: Some(arguments.guide.canonicalize()?.display().to_string()),
            origins,
            configuration: file.map(|file| file.configuration),
            ..Provenance::default()
        },
        armed_before: BTreeMap::new(),
        allow: Vec::new(),
        known: Vec::new(),
    })
}

/// Refuses a guide with errors that a run could stumble over.
pub(super) fn refuse_errors(opened: &Opened) -> color_eyre::Result<()> {
    let diagnostics = &opened.runbook.diagnostics;
    let count = errors(diagnostics);
    if count == 0 {
        return Ok(());
    }
    let source = runbook::decoded(&opened.source);
    print::remark(&render(diagnostics, &opened.runbook.file, &source));
    Err(color_eyre::Report::new(Trouble {
        message: format!("`{}` has {}", opened.runbook.file, counted(count, "error")),
        help: "fix the guide; `gonogo check` says where".to_owned(),
        exit: Exit::Guide,
    }))
}

/// Writes the first event of a run and returns the run's name.
pub(super) async fn create(opened: Opened, unattended: bool) -> color_eyre::Result<String> {
    let now = chrono::Utc::now();
    let run = new_name(now);
    let directory = place::run_directory(&run)?;
    let window_ends = opened
        .window_s
        .and_then(|seconds| i64::try_from(seconds).ok())
        .and_then(chrono::TimeDelta::try_seconds)
        .and_then(|length| now.checked_add_signed(length));
    let me = identity::me();
    for whom in &opened.allow {
        check_guest(whom)?;
    }
    let skipped = skipped(&opened);
    let record = Record {
        seq: 1,
        at: now,
        by: me.clone(),
        event: Event::RunOpened {
            run: run.clone(),
            runbook: Arc::new(opened.runbook),
            environment: Box::new(opened.environment),
            directory: opened.directory.display().to_string(),
            inputs: opened.inputs,
            window_ends,
            driver: me,
            unattended,
            provenance: opened.provenance,
        },
    };
    let armed = opened.armed_before.into_iter();
    let remembered = armed.map(|(action, armed)| {
        let event = Event::ArmingRemembered { action, armed };
        (ENGINE.to_owned(), event)
    });
    let allowed = opened.allow.into_iter().map(|whom| {
        let fact = PairingFact::GuestAllowed { whom };
        (record.by.clone(), Event::Pairing { fact })
    });
    let known = opened.known.into_iter().chain(skipped);
    let known = known.map(|event| (ENGINE.to_owned(), event));
    let later: Vec<Record> = (2..)
        .zip(remembered.chain(allowed).chain(known))
        .map(|(seq, (by, event))| Record {
            seq,
            at: now,
            by,
            event,
        })
        .collect();
    let mut records = vec![record];
    records.extend(later);
    // Nobody sees half a run: it gets its name when its first event is durable.
    let half = directory.with_file_name(format!(".{run}"));
    let kept = match keep(&half, &opened.source, &records).await {
        Ok(()) => std::fs::rename(&half, &directory).map_err(color_eyre::Report::from),
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        // What cannot be removed is not listed either.
        if let Err(error) = std::fs::remove_dir_all(&half) {
            tracing::debug!(%error, "half a run is left");
        }
        return Err(Trouble::failed(
            format!("cannot keep a run in `{}`: {error}", directory.display()),
            "free space or fix permissions there, or set `XDG_STATE_HOME` to a folder that can be written",
        ));
    }
    Ok(run)
}

/// Steps that the guide has for another environment than this.
fn skipped(opened: &Opened) -> Vec<Event> {
    let environment = &opened.environment;
    let steps = steps_of_others(&opened.runbook, &environment.name, environment.protected);
    let skipped = steps.into_iter().map(|(step, title)| Event::StepSkipped {
        step,
        reason: format!("`{title}` is not for `{}`", environment.name),
        action: None,
    });
    skipped.collect()
}

/// A user or group that can exist.
fn check_guest(whom: &str) -> color_eyre::Result<()> {
    let name = whom.strip_prefix('@').unwrap_or(whom);
    let sound = !name.is_empty()
        && !name.starts_with('-')
        && !name.contains(|letter: char| letter.is_whitespace() || letter.is_control());
    if sound {
        return Ok(());
    }
    Err(Trouble::usage(
        format!("`--allow {whom}` names no user"),
        "name a user, or a group as `@group`",
    ))
}

/// Writes what a run begins with.
async fn keep(directory: &Path, source: &[u8], records: &[Record]) -> color_eyre::Result<()> {
    owned::make(directory, owned::PRIVATE)?;
    crate::executor::private_file(&directory.join("guide.md"))?.write_all(source)?;
    let mut journal = SqliteJournal::create(&directory.join("journal.sqlite")).await?;
    journal.append(records).await?;
    journal.close().await?;
    Ok(())
}

/// Sorts by time, and is short enough to type.
fn new_name(now: crate::run::Timestamp) -> String {
    use std::hash::{BuildHasher, Hasher};
    let noise = std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish();
    let letters: String = (0..3)
        .map(|index| {
            let digit = (noise >> (index * 5)) % 26;
            char::from(b'a' + u8::try_from(digit).unwrap_or(0))
        })
        .collect();
    format!("{}-{letters}", now.format("%Y%m%d-%H%M%S"))
}
