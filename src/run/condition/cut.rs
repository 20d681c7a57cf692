//! What a condition says of output whose beginning is not kept: what was found in the rest is found, what was
//! not found there may have been before it.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

/// Which verdicts the rest of the output proves.
#[derive(Clone, Copy)]
pub(super) struct Proven {
    pub(super) pass: bool,
    pub(super) fail: bool,
}

impl Proven {
    const BOTH: Self = Self {
        pass: true,
        fail: true,
    };
    const NEITHER: Self = Self {
        pass: false,
        fail: false,
    };

    fn and(self, other: Self) -> Self {
        Self {
            pass: self.pass && other.pass,
            fail: self.fail && other.fail,
        }
    }
}

/// `cut` are the names whose output is not whole: `stdout`, `stderr`, ids of blocks.
pub(super) fn proven(expression: &IdedExpr, cut: &BTreeSet<String>) -> Proven {
    if !mentions(expression, cut) {
        return Proven::BOTH;
    }
    let Expr::Call(call) = &expression.expr else {
        return Proven::NEITHER;
    };
    let name = call.func_name.as_str();
    match (name, call.args.as_slice()) {
        (operators::LOGICAL_NOT, [inner]) => {
            let inner = proven(inner, cut);
            Proven {
                pass: inner.fail,
                fail: inner.pass,
            }
        }
        (operators::LOGICAL_AND | operators::LOGICAL_OR, [left, right]) => {
            proven(left, cut).and(proven(right, cut))
        }
        ("contains" | "matches" | "endsWith", [sought]) if !mentions(sought, cut) => {
            let is_output = call
                .target
                .as_ref()
                .is_some_and(|target| is_cut(target, cut));
            match name {
                _ if !is_output => Proven::NEITHER,
                "endsWith" => Proven::BOTH,
                "matches" if is_of_the_beginning(sought) => Proven::NEITHER,
                _ => Proven {
                    pass: true,
                    fail: false,
                },
            }
        }
        _ => Proven::NEITHER,
    }
}

/// Whether a pattern may ask for the beginning of the whole output.
fn is_of_the_beginning(sought: &IdedExpr) -> bool {
    match &sought.expr {
        Expr::Literal(LiteralValue::String(pattern)) => {
            let pattern = pattern.inner();
            pattern.contains("\\A") || (pattern.contains('^') && !pattern.contains("(?m"))
        }
        _ => true,
    }
}

/// Whether it is itself output that is cut.
fn is_cut(expression: &IdedExpr, cut: &BTreeSet<String>) -> bool {
    match &expression.expr {
        Expr::Ident(name) => matches!(name.as_str(), "stdout" | "stderr") && cut.contains(name),
        Expr::Select(select) => {
            matches!(select.field.as_str(), "stdout" | "stderr")
                && matches!(&select.operand.expr, Expr::Ident(block) if cut.contains(block))
        }
        _ => false,
    }
}

fn mentions(expression: &IdedExpr, cut: &BTreeSet<String>) -> bool {
    let inside = |inner: &IdedExpr| mentions(inner, cut);
    if is_cut(expression, cut) {
        return true;
    }
    match &expression.expr {
        Expr::Literal(_) | Expr::Unspecified => false,
        // All that a block left, its output with it.
        Expr::Ident(name) => cut.contains(name),
        Expr::Select(select) => match &select.operand.expr {
            Expr::Ident(_) => false,
            _ => inside(&select.operand),
        },
        Expr::Call(CallExpr { target, args, .. }) => {
            target.iter().any(|target| inside(target)) || args.iter().any(inside)
        }
        Expr::List(list) => list.elements.iter().any(inside),
        Expr::Comprehension(each) => {
            inside(&each.iter_range) || inside(&each.loop_step) || inside(&each.result)
        }
        Expr::Map(_) | Expr::Struct(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Scope, judge};
    use crate::run::{Evidence, Verdict};

    fn verdict(condition: &str, lost: u64) -> Verdict {
        let evidence = Evidence {
            exit: Some(0),
            stdout: "slow\nready\n".to_owned(),
            lost,
            ..Evidence::default()
        };
        judge("", condition, &Scope::default().with_evidence(&evidence)).verdict
    }

    #[test]
    fn what_the_rest_of_the_output_proves_is_proven_and_nothing_else() {
        use Verdict::{Fail, Inconclusive, Pass};
        for (condition, whole, cut) in [
            ("stdout.contains('ready')", Pass, Pass),
            ("stdout.contains('done')", Fail, Inconclusive),
            ("!stdout.contains('ERROR')", Pass, Inconclusive),
            ("!(stdout.matches('ERR|FATAL'))", Pass, Inconclusive),
            ("!stdout.contains('slow')", Fail, Fail),
            ("stdout.matches('^slow')", Pass, Inconclusive),
            ("stdout.matches('(?m)^ready')", Pass, Pass),
            ("exit == 0 && stdout.contains('ready')", Pass, Pass),
            ("stdout == 'slow\\nready\\n'", Pass, Inconclusive),
            ("size(stdout) < 100", Pass, Inconclusive),
            ("stdout.endsWith('ready\\n')", Pass, Pass),
            ("exit == 1", Fail, Fail),
        ] {
            assert_eq!(verdict(condition, 0), whole, "{condition}");
            assert_eq!(verdict(condition, 1), cut, "{condition}, cut");
        }
    }
}
