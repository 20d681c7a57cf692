//! The first values of a run, from everywhere they may come from, each held against the rule of its
//! blank.

use std::collections::BTreeMap;

use super::OpenArguments;
use super::attach::nearest;
use super::exit::Trouble;
use crate::run::{Input, Origin};
use crate::runbook::config::{Config, Environment, SecretSource};
use crate::runbook::{Runbook, Variable, VariableRule, is_reserved, values};

/// What `gonogo.toml` says about blanks becomes part of the guide's own table of them.
pub(super) fn apply_rules(runbook: &mut Runbook, config: &Config) {
    for variable in &mut runbook.variables {
        let Some(rule) = config.variables.get(&variable.name) else {
            continue;
        };
        variable.secret = rule.secret.unwrap_or(variable.secret);
        if !variable.secret && rule.default.is_some() {
            variable.default.clone_from(&rule.default);
        }
        variable.rule = rule.clone();
    }
}

type Values = (BTreeMap<String, Input>, BTreeMap<String, Origin>);

/// Values in the order in which they count: default, the operator's shell, the environment of
/// `gonogo.toml`, `--var`.
pub(super) fn first_values(
    runbook: &Runbook,
    environment: &Environment,
    arguments: &OpenArguments,
) -> color_eyre::Result<Values> {
    let mut found: BTreeMap<String, (Input, Origin)> = BTreeMap::new();
    for variable in &runbook.variables {
        let name = &variable.name;
        if let (Some(default), false) = (&variable.rule.default, variable.secret) {
            let input = Input::Value(default.clone());
            found.insert(name.clone(), (input, Origin::Default));
        }
        // What the operator's own shell would have filled in; what breaks the rule stays open.
        if let Ok(value) = std::env::var(name)
            && !is_reserved(name)
        {
            if variable.secret {
                let input = Input::Secret(SecretSource::Env(name.clone()));
                found.insert(name.clone(), (input, Origin::Shell));
            } else if values::check(&variable.rule, &value).is_ok() {
                found.insert(name.clone(), (Input::Value(value), Origin::Shell));
            }
        }
    }
    for (name, value) in &environment.values {
        if let Some(variable) = variable(runbook, name) {
            if variable.rule.secret == Some(true) {
                return Err(Trouble::usage(
                    format!(
                        "`{name}` is a secret, but is in plain text under `values` of `{}`",
                        environment.name
                    ),
                    format!("write `secrets.{name}` and where it comes from"),
                ));
            }
            let wanted = format!("`{name}` of the environment `{}`", environment.name);
            check(&variable.rule, value, &wanted)?;
        }
        let input = Input::Value(value.clone());
        found.insert(name.clone(), (input, Origin::Configuration));
    }
    for (name, source) in &environment.secrets {
        let input = Input::Secret(source.clone());
        found.insert(name.clone(), (input, Origin::Configuration));
    }
    for argument in &arguments.variables {
        let Some((name, value)) = argument.split_once('=') else {
            return Err(Trouble::usage(
                format!("`--var {argument}` has no `=`"),
                "write `--var NAME=VALUE`",
            ));
        };
        if let Some(variable) = variable(runbook, name) {
            if variable.secret {
                return Err(Trouble::usage(
                    format!(
                        "`{name}` is a secret, and arguments can be read by everybody on this machine"
                    ),
                    format!(
                        "export `{name}` in your shell, or name its source under `secrets` in `gonogo.toml`"
                    ),
                ));
            }
            check(&variable.rule, value, &format!("`--var {name}`"))?;
        } else if !is_known(runbook, environment, name) {
            return Err(unknown(runbook, name));
        }
        let input = Input::Value(value.to_owned());
        found.insert(name.to_owned(), (input, Origin::Argument));
    }
    let origins = found
        .iter()
        .map(|(name, (_, origin))| (name.clone(), *origin));
    let origins = origins.collect();
    let inputs = found.into_iter().map(|(name, (input, _))| (name, input));
    Ok((inputs.collect(), origins))
}

/// Whether something of the guide could use a value of this name.
fn is_known(runbook: &Runbook, environment: &Environment, name: &str) -> bool {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let in_code = |code: &str| {
        code.match_indices(name).any(|(at, _)| {
            !code[..at].ends_with(is_word) && !code[at + name.len()..].starts_with(is_word)
        })
    };
    !name.is_empty()
        && (runbook.asked_or_carried().any(|known| known.name == name)
            || environment.values.contains_key(name)
            || environment.secrets.contains_key(name)
            || runbook.blocks.iter().any(|block| in_code(&block.code)))
}

fn unknown(runbook: &Runbook, name: &str) -> color_eyre::Report {
    let names: Vec<&str> = runbook
        .asked_or_carried()
        .map(|known| known.name.as_str())
        .collect();
    let help = match names.is_empty() {
        true => "the guide asks for no value: leave it out".to_owned(),
        false => nearest(name, &names),
    };
    Trouble::usage(
        format!("`--var {name}`: the guide has no blank of that name"),
        help,
    )
}

pub(super) fn variable<'a>(runbook: &'a Runbook, name: &str) -> Option<&'a Variable> {
    runbook.variables.iter().find(|known| known.name == name)
}

fn check(rule: &VariableRule, value: &str, what: &str) -> color_eyre::Result<()> {
    values::check(rule, value).map_err(|why| {
        let help = match &rule.description {
            Some(description) => format!("fix the value: {description}"),
            None => "fix the value, or its rule under `[variables]` of `gonogo.toml`".to_owned(),
        };
        Trouble::usage(format!("{what} is refused: {why}"), help)
    })
}
