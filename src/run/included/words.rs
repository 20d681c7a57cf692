//! Shell code cut into simple commands and their words: as much of a shell as it takes to say which
//! file a command names. What is not plain text (a variable, a pattern, a substitution) is not guessed.

/// A word as the shell would have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub text: String,
    /// Nothing in it is filled in when it runs.
    pub literal: bool,
    /// Where it begins, in bytes.
    pub at: usize,
}

/// One command with its words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Simple {
    pub words: Vec<Word>,
    /// What it reads as its input: `< file`.
    pub input: Option<Word>,
    /// Its output goes into the next one.
    pub pipes: bool,
    /// How deep it stands in parentheses.
    pub depth: usize,
}

/// The commands of a script, in order. Bodies of here-documents are left out.
pub(super) fn simple_commands(code: &str) -> Vec<Simple> {
    let mut lexer = Lexer {
        code,
        bytes: code.as_bytes(),
        at: 0,
        depth: 0,
        now: Simple::default(),
        found: Vec::new(),
        here: Vec::new(),
    };
    lexer.run();
    lexer.found
}

struct Lexer<'a> {
    code: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    now: Simple,
    found: Vec<Simple>,
    /// Ends of here-documents that begin with the next line, and whether tabs are stripped.
    here: Vec<(String, bool)>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn run(&mut self) {
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\\' if self.peek(1) == b'\n' => self.at += 2,
                b'\n' => {
                    self.at += 1;
                    self.end(false);
                    self.skip_here_documents();
                }
                b'#' => self.skip_line(),
                b';' => {
                    self.at += 1;
                    self.end(false);
                }
                b'&' if self.peek(1) == b'>' => {
                    self.at += 2;
                    self.target();
                }
                b'&' => {
                    self.at += if self.peek(1) == b'&' { 2 } else { 1 };
                    self.end(false);
                }
                b'|' => {
                    let or = self.peek(1) == b'|';
                    self.at += if or || self.peek(1) == b'&' { 2 } else { 1 };
                    self.end(!or);
                }
                b'(' => {
                    self.at += 1;
                    self.end(false);
                    self.depth += 1;
                }
                b')' => {
                    self.at += 1;
                    self.end(false);
                    self.depth = self.depth.saturating_sub(1);
                }
                b'<' | b'>' => self.redirect(),
                digit if digit.is_ascii_digit() && matches!(self.peek(1), b'<' | b'>') => {
                    self.at += 1;
                    if digit == b'0' {
                        self.redirect();
                    } else {
                        let input = self.now.input.take();
                        self.redirect();
                        self.now.input = input;
                    }
                }
                _ => {
                    let word = self.word();
                    self.now.words.push(word);
                }
            }
        }
        self.end(false);
    }

    fn end(&mut self, pipes: bool) {
        let mut simple = std::mem::take(&mut self.now);
        // Words of the shell itself stand before commands.
        let own = [
            "if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "fi", "done",
        ];
        while simple
            .words
            .first()
            .is_some_and(|word| own.contains(&word.text.as_str()))
        {
            simple.words.remove(0);
        }
        if simple.words.is_empty() && simple.input.is_none() {
            return;
        }
        simple.pipes = pipes;
        simple.depth = self.depth;
        self.found.push(simple);
    }

    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n');
        self.at += length.unwrap_or(rest.len());
    }

    fn skip_here_documents(&mut self) {
        for (end, strip) in std::mem::take(&mut self.here) {
            while self.at < self.bytes.len() {
                let from = self.at;
                self.skip_line();
                let line = &self.code[from..self.at];
                self.at = (self.at + 1).min(self.bytes.len());
                let line = if strip {
                    line.trim_start_matches('\t')
                } else {
                    line
                };
                if line.trim_end() == end {
                    break;
                }
            }
        }
    }

    fn redirect(&mut self) {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(b"<<<") {
            self.at += 3;
            self.target();
        } else if rest.starts_with(b"<<") {
            self.at += 2;
            let strip = self.peek(0) == b'-';
            self.at += usize::from(strip);
            let end = self.target().text;
            if !end.is_empty() {
                self.here.push((end, strip));
            }
        } else if matches!(self.peek(1), b'(') {
            // `<(command)` is a file that is made on the fly.
            self.at += 1;
        } else if rest.starts_with(b"<&") || rest.starts_with(b">&") || rest.starts_with(b">>") {
            self.at += 2;
            self.target();
        } else {
            let reads = rest[0] == b'<' && self.peek(1) != b'>';
            self.at += if matches!(self.peek(1), b'>' | b'|') {
                2
            } else {
                1
            };
            let file = self.target();
            if reads {
                self.now.input = Some(file);
            }
        }
    }

    /// The word after a redirection.
    fn target(&mut self) -> Word {
        while matches!(self.peek(0), b' ' | b'\t') {
            self.at += 1;
        }
        self.word()
    }

    fn word(&mut self) -> Word {
        let start = self.at;
        let mut text = Vec::new();
        let mut literal = true;
        let mut quote = 0;
        while self.at < self.bytes.len() {
            let byte = self.bytes[self.at];
            match (quote, byte) {
                (b'\'', b'\'') | (b'"', b'"') => quote = 0,
                (b'\'', _) => text.push(byte),
                (0, b'\'' | b'"') => quote = byte,
                (_, b'\\') => {
                    self.at += 1;
                    match self.bytes.get(self.at) {
                        None | Some(b'\n') => {}
                        Some(next) => {
                            if quote == b'"' && !matches!(next, b'"' | b'\\' | b'$' | b'`') {
                                text.push(b'\\');
                            }
                            text.push(*next);
                        }
                    }
                }
                (_, b'$') if self.peek(1) == b'(' => {
                    literal = false;
                    self.at += 1;
                    self.skip_substitution();
                    continue;
                }
                (_, b'$' | b'`') => literal = false,
                (b'"', _) => text.push(byte),
                (
                    _,
                    b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>',
                ) => {
                    break;
                }
                (_, b'*' | b'?' | b'[' | b'{' | b'}') => {
                    literal = false;
                    text.push(byte);
                }
                (_, b'~') if self.at == start => {
                    literal = false;
                    text.push(byte);
                }
                _ => text.push(byte),
            }
            self.at += 1;
        }
        if self.at == start {
            // A character that begins no word here.
            self.at += 1;
        }
        Word {
            text: String::from_utf8_lossy(&text).into_owned(),
            literal,
            at: start,
        }
    }

    /// Past `(…)`, whatever is in it.
    fn skip_substitution(&mut self) {
        let mut depth = 0_usize;
        let mut quote = 0;
        while self.at < self.bytes.len() {
            let byte = self.bytes[self.at];
            self.at += 1;
            match (quote, byte) {
                (b'\'', b'\'') | (b'"', b'"') => quote = 0,
                (0, b'\'' | b'"') => quote = byte,
                (b'\'', _) => {}
                (_, b'\\') => self.at += 1,
                (0, b'(') => depth += 1,
                (0, b')') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return;
                    }
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(code: &str) -> Vec<Vec<String>> {
        let commands = simple_commands(code).into_iter();
        commands
            .map(|simple| simple.words.into_iter().map(|word| word.text).collect())
            .collect()
    }

    #[test]
    fn commands_and_words_as_a_shell_has_them() {
        assert_eq!(
            words("a 'b c' \"d e\" f\\ g # h\n\nif x; then y && z; fi | w > out 2>&1"),
            [
                vec!["a", "b c", "d e", "f g"],
                vec!["x"],
                vec!["y"],
                vec!["z"],
                vec!["w"]
            ]
        );
        assert_eq!(
            words("psql -h db \\\n  -f a.sql"),
            [["psql", "-h", "db", "-f", "a.sql"]]
        );
    }

    #[test]
    fn what_is_filled_in_is_no_literal() {
        let found = simple_commands("a $B \"$C\" '$D' *.sh ~/e x$(f g)y {} plain");
        let literal: Vec<bool> = found[0].words.iter().map(|word| word.literal).collect();
        assert_eq!(
            literal,
            [true, false, false, true, false, false, false, false, true]
        );
    }

    #[test]
    fn inputs_and_here_documents() {
        let found = simple_commands("psql db < a.sql\ncat <<'END' > f\n./no.sh\nEND\nb 2< c");
        assert_eq!(found[0].input.as_ref().unwrap().text, "a.sql");
        assert_eq!(found.len(), 3);
        assert_eq!(found[2].input, None);
    }

    #[test]
    fn no_text_holds_it_up() {
        for code in [
            "<", "<<", "a <", "$(", "\"", "'", "\\", "(((", "a <<E\nb", "&>", "é ü", "}",
        ] {
            simple_commands(code);
        }
    }
}
