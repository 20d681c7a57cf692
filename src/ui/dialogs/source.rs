//! Where the value of a criterion comes from: a query, a command, or a probe that the condition names. What
//! the guide wants is proposed as the condition, its frequency as the interval.

use super::{Field, Form, Reply};
use crate::run::Command;
use crate::runbook::{Actor, Expectation};
use crate::text::duration::{format_s, parse_s};
use crate::ui::markdown::plain;
use crate::ui::view::Look;

/// In front of what a shell runs.
const SHELL: &str = "$";

pub(super) fn asked(phase: &str, item: &Expectation, look: &Look<'_>) -> Reply {
    let run = look.run();
    let measure = item.measure.as_ref();
    let target = match run.targets.contains_key("main") {
        true => "main",
        false => run.targets.keys().next().map_or("", String::as_str),
    };
    let probes: Vec<&str> = run.config.probes.keys().map(String::as_str).collect();
    let mut about = vec![
        format!(
            "`SELECT …` is asked of the target, `{SHELL} command` is run in a shell. The query must only read; a \
             command that destroys is refused. It repeats in its interval, once you have started it."
        ),
        "The condition says when the criterion is met; `value` is what the query gives or the command prints."
            .to_owned(),
    ];
    if let Some(probe) = probes.first() {
        let names = probes.join(", ");
        about.push(format!(
            "A probe needs no query: leave it empty, and name the probe: `{probe}.latency < 500ms` ({names})."
        ));
    }
    let proposed = measure.and_then(|own| own.proposed());
    let every_s = item.usual_every_s(run.runbook.settings.scale);
    let fields = vec![
        Field::optional("query"),
        Field::optional("target").holding(target),
        Field::required("condition").holding(proposed.as_deref().unwrap_or("value == 0")),
        Field::required("every").holding(&format_s(every_s)),
    ];
    let (phase, line) = (phase.to_owned(), item.line);
    let title = format!("have it measured: {}", plain(&item.text));
    let form = Form::new(&title, fields, move |texts| {
        let [query, target, condition, every] = texts else {
            return Reply::Stay;
        };
        let Some(every_s) = parse_s(every) else {
            return Reply::say(
                format!("`{every}` is not a duration"),
                "write `15m` or `1h`",
            );
        };
        let (code, actor) = read(query);
        let on = (actor == Actor::Sql).then(|| target.clone());
        let has_code = !code.is_empty();
        let command = Command::Bind {
            phase: phase.clone(),
            line,
            code: has_code.then(|| code.to_owned()),
            actor,
            on: on.filter(|_| has_code),
            cel: condition.clone(),
            every_s,
        };
        match has_code {
            true => Reply::Send(vec![command]),
            false => Reply::Done(vec![command]),
        }
    });
    let written = |texts: &[String]| texts.first().map_or("", |query| read(query).0).to_owned();
    Reply::Open(Box::new(form.about(about).writes(written)))
}

/// What is asked, and of whom.
fn read(query: &str) -> (&str, Actor) {
    match query.strip_prefix(SHELL) {
        Some(command) => (command.trim(), Actor::Shell),
        None => (query, Actor::Sql),
    }
}
