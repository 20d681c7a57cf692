//! Which sample system is brought up, and how: named, asked for, or the first.

use std::io::{BufRead, IsTerminal};

use super::Arguments;
use crate::cli::exit::Trouble;
use crate::cli::print;
use crate::demo::catalogue::{self, SYSTEMS};
use crate::demo::system::System;
use crate::demo::workspace::Plan;
use crate::runbook::{closest, scale_of_time};

/// What is to be started; `None` where only the list was wanted.
pub(super) fn plan(arguments: &Arguments) -> color_eyre::Result<Option<Plan>> {
    let system = match &arguments.name {
        Some(name) => named(name)?,
        None if arguments.list => {
            print::out(&list())?;
            return Ok(None);
        }
        // Nobody is there to be asked.
        None if arguments.headless || arguments.serve => SYSTEMS[0],
        None => match asked()? {
            Some(system) => system,
            None => return Ok(None),
        },
    };
    if arguments.list {
        print::out(&breaks_of(system))?;
        return Ok(None);
    }
    let broken = match &arguments.broken {
        Some(name) => Some(system.broken(name).ok_or_else(|| {
            let known: Vec<&str> = system.breaks.iter().map(|one| one.name).collect();
            unknown(
                &format!("`{}` cannot be broken by `{name}`", system.name),
                name,
                &known,
                &format!(
                    "`gonogo demo {} --list` tells how it can be broken",
                    system.name
                ),
            )
        })?),
        None => None,
    };
    Ok(Some(Plan {
        system,
        broken,
        scale: scale(arguments, system)?,
    }))
}

fn scale(arguments: &Arguments, system: &System) -> color_eyre::Result<Option<u32>> {
    let scale = match (&arguments.scale, arguments.headless) {
        (Some(text), _) => scale_of_time(text).ok_or_else(|| {
            Trouble::usage(
                format!("`{text}` is not a scale of time"),
                "write how much shorter windows and waits are as `--scale 1/600`; `1/1` leaves them as they are",
            )
        })?,
        (None, is_unwatched) => system.scales[usize::from(is_unwatched)],
    };
    Ok((scale > 1).then_some(scale))
}

fn named(name: &str) -> color_eyre::Result<&'static System> {
    catalogue::named(name).ok_or_else(|| {
        let known: Vec<&str> = SYSTEMS.iter().map(|system| system.name).collect();
        unknown(
            &format!("there is no demo `{name}`"),
            name,
            &known,
            "`gonogo demo --list` lists them",
        )
    })
}

fn unknown(what: &str, name: &str, known: &[&str], help: &str) -> color_eyre::Report {
    let help = match closest(name, known) {
        Some(near) => format!("did you mean `{near}`? {help}"),
        None => help.to_owned(),
    };
    Trouble::usage(what.to_owned(), help)
}

/// Lists the systems and asks for one. `None` where nothing was chosen.
fn asked() -> color_eyre::Result<Option<&'static System>> {
    print::out(&list())?;
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Err(Trouble::usage(
            "no terminal to ask which one",
            "name it: `gonogo demo NAME` opens the cockpit, `gonogo demo NAME --headless` walks without a person",
        ));
    }
    loop {
        print::out("which one (Enter: 1, q: none)? ")?;
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let chosen = match line.trim() {
            "q" => return Ok(None),
            "" => SYSTEMS.first().copied(),
            word => match word.parse::<usize>() {
                Ok(number) => number
                    .checked_sub(1)
                    .and_then(|at| SYSTEMS.get(at))
                    .copied(),
                Err(_) => catalogue::named(word),
            },
        };
        match chosen {
            Some(system) => return Ok(Some(system)),
            None => print::out(&format!(
                "type a number from 1 to {}, or a name\n",
                SYSTEMS.len()
            ))?,
        }
    }
}

fn list() -> String {
    let mut text = String::new();
    for (at, system) in SYSTEMS.iter().enumerate() {
        text.push_str(&format!(
            "  {}  {:<14}  {}\n",
            at + 1,
            system.name,
            system.about
        ));
    }
    text
}

fn breaks_of(system: &System) -> String {
    let mut text = format!("{}: {}\n", system.name, system.about);
    for one in system.breaks {
        text.push_str(&format!("  --break {:<12}  {}\n", one.name, one.about));
    }
    text
}
