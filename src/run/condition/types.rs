//! What is known of an expression's types before the run: enough to find what can never be true, such as
//! a number compared with text or a time without a unit.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::EVIDENCE_NAMES;
use super::check::{ConditionError, ConditionNames};
use super::source::comparison;
use crate::runbook::closest;

/// Stands for a duration while types are looked at.
pub(super) const DURATION: &str = "duration_of";

pub(super) const FUNCTIONS: [&str; 28] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "has",
    "all",
    "exists",
    "exists_one",
    "filter",
    "map",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "type",
    "dyn",
    "min",
    "max",
    "duration",
    "timestamp",
    "getFullYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];

const PROBE_FIELDS: [&str; 4] = ["healthy", "status", "latency", "version"];

/// What is known of a value before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Any,
    Boolean,
    Number,
    /// A number written out; true for zero, which needs no unit.
    Written(bool),
    /// Milliseconds.
    Duration,
    Text,
    List,
    Map,
    /// The evidence of a block.
    Block,
    Probe,
    Null,
}

impl Type {
    pub(super) fn said(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Boolean => "true or false",
            Self::Number | Self::Written(_) => "a number",
            Self::Duration => "a duration",
            Self::Text => "text",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Block => "all the evidence of a block",
            Self::Probe => "all that a probe says",
            Self::Null => "nothing",
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Number | Self::Written(_))
    }
}

pub(super) fn evidence_type(name: &str) -> Option<Type> {
    Some(match name {
        "exit" | "status" => Type::Number,
        "stdout" | "stderr" | "tag" => Type::Text,
        "rows" | "notices" | "commands" => Type::List,
        "headers" => Type::Map,
        "latency" | "elapsed" => Type::Duration,
        "value" | "json" => Type::Any,
        _ => return None,
    })
}

pub(super) struct Types<'a> {
    pub(super) names: &'a ConditionNames,
    pub(super) source: &'a str,
}

impl Types<'_> {
    pub(super) fn of(&self, expression: &IdedExpr) -> Result<Type, ConditionError> {
        Ok(match &expression.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Type::Boolean,
                LiteralValue::Int(value) => Type::Written(*value.inner() == 0),
                LiteralValue::UInt(_) | LiteralValue::Double(_) => Type::Written(false),
                LiteralValue::String(_) => Type::Text,
                LiteralValue::Null => Type::Null,
                LiteralValue::Bytes(_) => Type::Any,
            },
            Expr::Ident(name) => self.names.kind_of(name).unwrap_or(Type::Any),
            Expr::Select(select) => {
                let operand = self.of(&select.operand)?;
                let field = self.field(operand, &select.operand, &select.field)?;
                if select.test { Type::Boolean } else { field }
            }
            Expr::Call(call) => self.call(call)?,
            Expr::List(list) => {
                for element in &list.elements {
                    self.of(element)?;
                }
                Type::List
            }
            Expr::Map(_) | Expr::Struct(_) => Type::Map,
            Expr::Comprehension(each) => {
                let range = self.of(&each.iter_range)?;
                if !matches!(
                    range,
                    Type::Any | Type::List | Type::Map | Type::Block | Type::Probe
                ) {
                    return Err(self.wrong(&each.iter_range, range, "not a list"));
                }
                self.of(&each.loop_step)?;
                match self.of(&each.accu_init)? {
                    Type::List => Type::List,
                    _ => Type::Boolean,
                }
            }
            Expr::Unspecified => Type::Any,
        })
    }

    fn field(&self, of: Type, operand: &IdedExpr, field: &str) -> Result<Type, ConditionError> {
        let known: &[&str] = match of {
            Type::Any | Type::Map => return Ok(Type::Any),
            Type::Block => match evidence_type(field) {
                Some(known) => return Ok(known),
                None if field == "outcome" => return Ok(Type::Text),
                None => &EVIDENCE_NAMES,
            },
            Type::Probe => match field {
                "healthy" => return Ok(Type::Boolean),
                "status" => return Ok(Type::Number),
                "latency" => return Ok(Type::Duration),
                "version" => return Ok(Type::Text),
                _ => &PROBE_FIELDS,
            },
            Type::List => {
                return Err(ConditionError::new(
                    format!("{} is a list and has no field `{field}`", name_of(operand)),
                    format!("take one of its elements: `rows[0].{field}`, or ask all of them: `rows.all(row, row.{field} == 0)`"),
                )
                .about(field));
            }
            other => {
                return Err(self.wrong(operand, other, &format!("and has no field `{field}`")));
            }
        };
        let help = match closest(field, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has `{}`", known.join("`, `")),
        };
        Err(
            ConditionError::new(format!("{} has no field `{field}`", name_of(operand)), help)
                .about(field),
        )
    }

    fn call(&self, call: &CallExpr) -> Result<Type, ConditionError> {
        let target = match &call.target {
            Some(target) => Some((&**target, self.of(target)?)),
            None => None,
        };
        let mut types = Vec::new();
        for argument in &call.args {
            types.push(self.of(argument)?);
        }
        let name = call.func_name.as_str();
        Ok(match (name, types.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, _) => {
                for (argument, kind) in call.args.iter().zip(&types) {
                    self.boolean(argument, *kind)?;
                }
                Type::Boolean
            }
            (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => {
                self.comparable(call, *left, *right)?;
                Type::Boolean
            }
            (
                operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS,
                [left, right],
            ) => {
                for (argument, kind) in call.args.iter().zip(&types) {
                    if matches!(
                        kind,
                        Type::Boolean
                            | Type::List
                            | Type::Map
                            | Type::Block
                            | Type::Probe
                            | Type::Null
                    ) {
                        return Err(self.wrong(argument, *kind, "which is neither more nor less"));
                    }
                }
                self.comparable(call, *left, *right)?;
                Type::Boolean
            }
            (operators::CONDITIONAL, [condition, yes, no]) => {
                if let Some(argument) = call.args.first() {
                    self.boolean(argument, *condition)?;
                }
                if yes == no { *yes } else { Type::Any }
            }
            (operators::ADD | operators::SUBSTRACT | operators::MODULO, [left, right]) => {
                sum(*left, *right)
            }
            (operators::MULTIPLY, [left, right]) => sum(*left, *right),
            (operators::DIVIDE, [Type::Duration, Type::Duration]) => Type::Number,
            (operators::DIVIDE, [left, right]) => sum(*left, *right),
            (operators::NEGATE, [only]) => *only,
            (operators::IN, _) => Type::Boolean,
            (DURATION, _) => Type::Duration,
            ("size" | "int" | "uint" | "double", _) => Type::Number,
            ("contains" | "startsWith" | "endsWith" | "matches", _) => {
                if let Some((subject, kind)) = target
                    && !matches!(kind, Type::Text | Type::Any)
                    && !(name == "contains" && matches!(kind, Type::List | Type::Map))
                {
                    return Err(self.wrong(subject, kind, &format!("and `{name}` is for text")));
                }
                Type::Boolean
            }
            ("bool", _) => Type::Boolean,
            ("string", _) => Type::Text,
            _ => Type::Any,
        })
    }

    fn boolean(&self, argument: &IdedExpr, kind: Type) -> Result<(), ConditionError> {
        match kind {
            Type::Boolean | Type::Any => Ok(()),
            other => Err(self.wrong(argument, other, "not true or false")),
        }
    }

    fn comparable(&self, call: &CallExpr, left: Type, right: Type) -> Result<(), ConditionError> {
        let [first, second] = call.args.as_slice() else {
            return Ok(());
        };
        let same = left == right
            || matches!(
                (left, right),
                (Type::Any | Type::Null, _) | (_, Type::Any | Type::Null)
            )
            || left.is_number() && right.is_number()
            || matches!(left, Type::Map | Type::Block | Type::Probe)
                && matches!(right, Type::Map | Type::Block | Type::Probe);
        if same {
            return Ok(());
        }
        let unit = match (left, right) {
            (Type::Duration, Type::Written(zero)) => Some((first, second, zero)),
            (Type::Written(zero), Type::Duration) => Some((second, first, zero)),
            (Type::Duration, Type::Number) | (Type::Number, Type::Duration) => return Ok(()),
            _ => None,
        };
        if let Some((time, number, zero)) = unit {
            let number = literal(number).unwrap_or_default();
            return if zero {
                Ok(())
            } else {
                Err(ConditionError::new(
                    format!(
                        "{} is a duration, and `{number}` has no unit",
                        name_of(time)
                    ),
                    format!("write `{number}ms` or `{number}s`"),
                )
                .about(&number))
            };
        }
        let quoted = [(first, right, second), (second, left, first)]
            .into_iter()
            .find_map(|(_, other_type, other)| {
                let text = literal(other)?;
                let inner = text.trim_matches(['"', '\'']).to_owned();
                (other_type == Type::Text && inner.parse::<f64>().is_ok()).then_some(inner)
            });
        let help = match (&quoted, left, right) {
            (Some(number), Type::Duration, _) | (Some(number), _, Type::Duration) => {
                format!("write it without quotes and with a unit: `{number}ms`")
            }
            (Some(number), Type::List, _) | (Some(number), _, Type::List) => {
                format!("compare how many there are: `size(rows) == {number}`")
            }
            (Some(number), ..) => format!("write `{number}` without quotes"),
            (None, Type::List, _) | (None, _, Type::List) => {
                "compare how many there are: `size(…) == 0`".to_owned()
            }
            (None, Type::Text, other) | (None, other, Type::Text) if other.is_number() => {
                "compare text with text (`== \"0\"`), look into it (`stdout.contains(\"0\")`), or turn it into a number (`int(…)`)".to_owned()
            }
            (None, Type::Block | Type::Probe, _) | (None, _, Type::Block | Type::Probe) => {
                "name what is meant of it: `.exit`, `.value`, `.healthy`, `.status`".to_owned()
            }
            _ => "compare values of one kind".to_owned(),
        };
        let side = |side: &IdedExpr, kind: Type| format!("{} is {}", name_of(side), kind.said());
        let error = ConditionError::new(
            format!(
                "{}, and {}: they cannot be compared",
                side(first, left),
                side(second, right)
            ),
            help,
        );
        // The comparison itself, where it is the whole condition.
        Err(match comparison(self.source) {
            Some((left, _)) if !left.is_empty() => error.about(left),
            _ => error,
        })
    }

    fn wrong(&self, what: &IdedExpr, kind: Type, why: &str) -> ConditionError {
        let name = name_of(what);
        let error = ConditionError::new(
            format!("{name} is {}, {why}", kind.said()),
            match kind {
                Type::Number | Type::Written(_) => "compare it: `exit == 0`",
                Type::Text => "compare it (`== \"…\"`) or look into it (`.contains(\"…\")`)",
                Type::List => "count it: `size(rows) == 0`",
                Type::Duration => "compare it: `latency < 200ms`",
                Type::Block => "name what is meant of it: `.exit == 0`",
                Type::Probe => "name what is meant of it: `.healthy`",
                _ => "see `docs/dialect.md` on conditions",
            },
        );
        match name.trim_matches('`') {
            plain if name.starts_with('`') => error.about(plain),
            _ => error,
        }
    }
}

/// The type of a sum, a product or a remainder.
fn sum(left: Type, right: Type) -> Type {
    match (left, right) {
        (Type::Duration, _) | (_, Type::Duration) => Type::Duration,
        (left, right) if left.is_number() && right.is_number() => Type::Number,
        (Type::Text, Type::Text) => Type::Text,
        (Type::List, Type::List) => Type::List,
        _ => Type::Any,
    }
}

/// An expression as its author wrote it, in backticks, where it is a simple one.
fn name_of(expression: &IdedExpr) -> String {
    written(expression).map_or_else(|| "this".to_owned(), |text| format!("`{text}`"))
}

fn written(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{}", written(&select.operand)?, select.field))
        }
        Expr::Call(call) if call.func_name == "size" => {
            let inner = call.target.as_deref().or(call.args.first())?;
            Some(format!("size({})", written(inner)?))
        }
        _ => literal(expression),
    }
}

fn literal(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Literal(LiteralValue::Int(value)) => Some(value.inner().to_string()),
        Expr::Literal(LiteralValue::Double(value)) => Some(value.inner().to_string()),
        Expr::Literal(LiteralValue::String(text)) => Some(format!("\"{}\"", text.inner())),
        Expr::Literal(LiteralValue::Boolean(value)) => Some(value.inner().to_string()),
        _ => None,
    }
}
