//! The one value that an expression takes from the evidence, for blanks of later steps.

use cel::{Context, Program, Value as Cel};
use serde_json::Value;

use super::{Scope, bounded, first_line, on_deep_stack, rewritten, show, to_cel};

/// The value that an expression takes from the evidence, as text for a blank. It must be one value:
/// text of one line, a number or a truth.
///
/// # Errors
/// Why it is none, in words for the operator.
pub(in crate::run) fn value_of(source: &str, scope: &Scope) -> Result<String, String> {
    bounded(source).map_err(|error| error.message)?;
    let source = rewritten(source);
    on_deep_stack(|| {
        let program = Program::compile(&source)
            .map_err(|error| format!("not an expression: {}", first_line(&error.to_string())))?;
        for name in program.references().variables() {
            // Why there is no single value is told below.
            if name != "value"
                && let Some(why) = scope.pending.get(name)
                && !scope.values.contains_key(name)
            {
                return Err(format!("`{name}`: {why}"));
            }
        }
        let mut context = Context::default();
        context.add_variable_from_value("value", Cel::Null);
        for (name, value) in &scope.values {
            context.add_variable_from_value(name.clone(), to_cel(value));
        }
        match program.execute(&context) {
            Ok(value) => one_text(&value, scope),
            Err(error) => Err(first_line(&error.to_string())),
        }
    })
    .unwrap_or_else(Err)
}

fn one_text(value: &Cel, scope: &Scope) -> Result<String, String> {
    let text = match value {
        // As `$(…)` of a shell takes it.
        Cel::String(text) => text.trim_end_matches(['\r', '\n']).to_owned(),
        Cel::Bool(_) | Cel::Int(_) | Cel::UInt(_) | Cel::Float(_) => show(value),
        Cel::Null => {
            let rows = scope.values.get("rows").and_then(Value::as_array);
            return Err(match rows.map(Vec::len) {
                Some(0) => "it gives nothing: the result has no rows".to_owned(),
                Some(1) => {
                    "it gives nothing: the value is null, or there are several columns".to_owned()
                }
                Some(rows) => format!("it gives nothing: the result has {rows} rows, not one"),
                None => "it gives nothing".to_owned(),
            });
        }
        other => return Err(format!("it gives {}, not one value", show(other))),
    };
    match text.lines().count() {
        0 => Err("it gives an empty text".to_owned()),
        1 if text.contains(crate::text::redact::MASK) => {
            Err("it gives a secret, and secrets are not kept".to_owned())
        }
        1 => Ok(text),
        lines => Err(format!("it gives {lines} lines, not one value")),
    }
}
