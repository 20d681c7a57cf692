use super::*;

fn read(code: &str) -> Script {
    let script = Script::read(code);
    assert_eq!(script.unreadable(), None, "{code:?}");
    script
}

fn commands(code: &str) -> Vec<String> {
    let script = read(code);
    script
        .commands()
        .iter()
        .map(|command| script.text(command.span).to_owned())
        .collect()
}

fn words(code: &str) -> Vec<Vec<String>> {
    read(code)
        .simple_commands()
        .iter()
        .map(|simple| simple.words.iter().map(|word| word.text.clone()).collect())
        .collect()
}

#[test]
fn commands_are_what_a_person_types_one_by_one() {
    assert_eq!(
        commands("a; b & c # note\n# alone\n\nif x; then\n y\nfi > log\nd &&\n  e | \\\n f\n"),
        [
            "a",
            "b &",
            "c",
            "if x; then\n y\nfi > log",
            "d &&\n  e | \\\n f"
        ]
    );
    assert_eq!(
        commands("! a; time -p b\nf() { c; }\nwhile :; do d; done &"),
        ["! a", "time -p b", "f() { c; }", "while :; do d; done &"]
    );
}

#[test]
fn here_documents_belong_to_their_commands() {
    let code = "cat <<'END-SQL'\nSELECT 1;\nEND-SQL\necho x\ncat <<. | sort # y\nb\n.\necho z";
    assert_eq!(
        commands(code),
        [
            "cat <<'END-SQL'\nSELECT 1;\nEND-SQL",
            "echo x",
            "cat <<. | sort # y\nb\n.",
            "echo z"
        ]
    );
    let script = read(code);
    let simple = script.simple_commands();
    let document = simple[0].redirections[0].here_document().unwrap();
    assert_eq!((&*document.delimiter, document.quoted), ("END-SQL", true));
    assert_eq!(document.text, "SELECT 1;\n");
    // Two bodies behind one line: the line is one.
    assert_eq!(
        commands("cat <<A; cat <<B\na\nA\nb\nB\necho c"),
        ["cat <<A; cat <<B\na\nA\nb\nB", "echo c"]
    );
}

#[test]
fn a_here_document_in_a_substitution_hides_nothing_behind_it() {
    let code = "printf '%s\\n' \"$(cat <<'END-OF-NOTE'\nnothing )\nEND-OF-NOTE\n)\"; dropdb shop\n";
    assert_eq!(words(code)[1], ["dropdb", "shop"]);
}

#[test]
fn words_are_as_a_command_gets_them() {
    assert_eq!(
        words("a 'b c' \"d \\\"e\\\" \\x\" f\\ g$'h\\n\\x41' \"\" i#j # k"),
        [["a", "b c", "d \"e\" \\x", "f gh\nA", "", "i#j"]]
    );
    assert_eq!(
        words("A=1 B='x y' env C=2 d > out 2>&1 < in"),
        [["env", "C=2", "d"]]
    );
    assert_eq!(words("a\\\nb \\\n c"), [["ab", "c"]]);
}

#[test]
fn what_is_filled_in_is_no_literal() {
    let script = read("a $B \"$C\" '$D' *.sh ~/e x$(f g)y {} plain <name> \\$z");
    let of = |check: fn(&Word) -> bool| -> Vec<bool> {
        script.simple_commands()[0]
            .words
            .iter()
            .map(check)
            .collect()
    };
    assert_eq!(
        of(Word::is_literal),
        [
            true, false, false, true, true, true, false, true, true, false, true
        ]
    );
    assert_eq!(
        of(Word::is_plain),
        [
            true, false, false, true, false, false, false, false, true, false, true
        ]
    );
}

#[test]
fn assignments_redirections_and_pipes() {
    let script = read("A=1 b[2]+=x C=(d 'e f') 2> err g <<<\"$h\" |& i &");
    let command = &script.commands()[0];
    assert!(command.lists[0].background);
    let stages = &command.lists[0].first.stages;
    assert_eq!(stages.len(), 2);
    let Stage::Simple(simple) = &stages[0] else {
        panic!("{stages:?}")
    };
    let names: Vec<&str> = simple.assignments.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["A", "b", "C"]);
    assert!(simple.assignments[1].append);
    assert_eq!(simple.assignments[0].value.text, "1");
    let kinds: Vec<_> = simple
        .redirections
        .iter()
        .map(|one| (one.descriptor, one.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            (Some(2), RedirectionKind::Write),
            (None, RedirectionKind::HereString),
            (Some(2), RedirectionKind::DuplicateOutput)
        ]
    );
}

#[test]
fn substitutions_are_scripts_with_places_in_the_same_text() {
    let code = "a \"x $(b `c` \"$(d)\")\" <(e) ${F:-$(g)} $((1 + $(h)))";
    let script = read(code);
    let all: Vec<&str> = script
        .all_simple_commands()
        .iter()
        .map(|(inner, simple)| inner.text(simple.words[0].span))
        .collect();
    assert_eq!(all, ["a", "b", "c", "d", "e", "g", "h"]);
}

#[test]
fn grammar_of_bash_beyond_simple_commands() {
    for code in [
        "for i in a b; do echo $i; done",
        "for i\ndo echo; done",
        "for i do echo; done",
        "for ((i = 0; i < 3; i++)); do :; done",
        "select x in a b; do break; done",
        "case $x in a|b) c ;; (d) e;; *) f\nesac",
        "echo $(case x in a) b;; c) d; esac)",
        "case x in a) case y in b) c; esac; esac",
        "until a; do b; done < x | y",
        "f() { :; }; function g { :; }; function h() (:)",
        "f()\n((1))",
        "((a + (b << 2))) && (( c ))",
        "( (a); (b) )",
        "((a);(b))",
        "[[ -f a && ( $b == c* || d =~ ^(x|y z)$ ) ]]",
        "[[ a -eq 1 ]] || exit 1",
        "x=(a b\nc # d\ne); declare -A m=([a]=1 [b]=2)",
        "a[1 + 2]=3; echo ${a[1]} ${#a[@]} ${!b} ${c#'}'} ${d:1:2} ${e//x/y}",
        "echo \"${x:-a\"b}c\"d}\" $[1+2] ${#} $# $$ $! $?",
        "a &> b &>> c >| d <> e 3>&- 4<&0",
        "coproc X { ls; }\ncoproc cat",
        "{ { a; } }\n{ if a; then b; fi }",
        "! ! true | false",
        "cat <<-END\n\tx\n\tEND\necho y",
        "echo `echo \\`a\\``",
        "if a; then b; elif c; then d; else e; fi",
        "while read -r l; do echo \"$l\"; done < <(ls)",
        "ls > a.txt 2>&1; echo if then fi done esac { }",
        "shopt -s extglob\nls @(a|b)",
        "trap 'rm -f x' EXIT\nexec 3>&1",
        "echo {a,b} *[!x] ~user",
        "",
        "# only\n\n#comments",
    ] {
        read(code);
    }
}

#[test]
fn what_bash_does_not_accept_is_unreadable() {
    for code in [
        "echo \"a",
        "echo 'a",
        "echo $(a",
        "if a; then b",
        "fi",
        "a )",
        "( a",
        "a;; b",
        "a & ; b",
        "{ a; } b",
        "if a; then; fi",
        "a | | b",
        "ls x=(a)",
        "ls @(a|b)",
        "a <",
        "a `b",
        "echo ${a",
        "[[ a",
        "case x in a) b",
        "for i in a; do b",
        "a && ",
        "f( x",
        "time &",
        "a && ! &",
        "ls >2>&1",
    ] {
        assert!(Script::read(code).unreadable().is_some(), "{code:?}");
    }
}

#[test]
fn what_can_be_made_out_of_an_unreadable_text_is_kept_for_those_who_look_for_danger() {
    let script = Script::read("rm -rf a; if x; then\necho \"never closed\ndropdb b\n");
    assert!(script.unreadable().is_some());
    let words: Vec<&str> = script
        .simple_commands()
        .iter()
        .map(|simple| &*simple.words[0].text)
        .collect();
    assert!(
        words.contains(&"rm") && words.contains(&"dropdb"),
        "{words:?}"
    );
}

#[test]
fn comments_are_told_from_what_only_has_a_hash() {
    let script = read("a '# b' \"# c\" d#e ${f#g} $# # h\n  # i\n\"\n# j\n\"\n");
    let texts: Vec<(&str, bool)> = script
        .comments()
        .iter()
        .map(|one| (one.text(script.source()), one.alone))
        .collect();
    assert_eq!(texts, [("h", false), ("i", true)]);
}
