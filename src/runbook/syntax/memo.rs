//! Each text is read once, whoever asks: many questions are put to the same block while a guide is read.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::{Script, SqlScript};

/// Bytes of text that a thread keeps what it read of.
const KEPT: usize = 1024 * 1024;

struct Memo<T> {
    known: HashMap<Arc<str>, Arc<T>>,
    bytes: usize,
}

impl<T> Memo<T> {
    fn get(&mut self, code: &str, read: impl FnOnce(Arc<str>) -> T) -> Arc<T> {
        if let Some(known) = self.known.get(code) {
            return known.clone();
        }
        if self.bytes + code.len() > KEPT {
            self.known.clear();
            self.bytes = 0;
        }
        let source: Arc<str> = Arc::from(code);
        let script = Arc::new(read(source.clone()));
        self.bytes += code.len();
        self.known.insert(source, script.clone());
        script
    }
}

thread_local! {
    static SHELL: RefCell<Memo<Script>> = RefCell::new(Memo { known: HashMap::new(), bytes: 0 });
    static SQL: RefCell<Memo<SqlScript>> = RefCell::new(Memo { known: HashMap::new(), bytes: 0 });
}

/// A shell block; read anew only where this thread has not just read it.
pub fn read_shell(code: &str) -> Arc<Script> {
    SHELL.with_borrow_mut(|memo| memo.get(code, Script::read_arc))
}

/// An SQL block; read anew only where this thread has not just read it.
pub fn read_sql(code: &str) -> Arc<SqlScript> {
    SQL.with_borrow_mut(|memo| memo.get(code, SqlScript::read_arc))
}
