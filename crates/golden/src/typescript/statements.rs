//! The top-level constants, imports and exports of a file. Other statements are skipped.

use std::collections::HashMap;

use super::source_file::SourceFile;
use super::tokens::Kind;

/// The definitions of the top-level names of a file.
#[derive(Debug, Default)]
pub(super) struct Statements {
    pub(super) constants: HashMap<String, Constant>,
    pub(super) imports: HashMap<String, Source>,
    pub(super) exports: HashMap<String, Export>,
    /// The specifiers of `export * from`.
    pub(super) stars: Vec<String>,
}

/// A constant, or a variable that is used as a constant.
#[derive(Debug)]
pub(super) struct Constant {
    /// The first token of the constant's value.
    pub(super) value: usize,
    /// The first token of a statement that may change the constant, if there is such a statement.
    pub(super) changed: Option<usize>,
}

/// One export, or all exports, of another file.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) specifier: String,
    /// The name under which the other file exports the value. `None` means all exports of the other file.
    pub(super) name: Option<String>,
}

/// The value exported under a name.
#[derive(Debug, Clone)]
pub(super) enum Export {
    /// The constant or import of this name in the same file.
    Local(String),
    /// The expression that begins at this token.
    Value(usize),
    /// A re-export.
    From(Source),
}

impl Statements {
    /// Finds the statements of a file.
    pub(super) fn of(file: &SourceFile) -> Self {
        let mut found = Self::default();
        let mut at = 0;
        while file.kind(at).is_some() {
            let is_member = at > 0 && (file.is_sign(at - 1, b'.') || file.is_word(at - 1, "as"));
            let next = if is_member { None } else { found.statement(file, at) };
            at = next.unwrap_or_else(|| file.after(at));
        }
        found
    }

    /// Returns whether a name is a constant or an import of the file.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.constants.contains_key(name) || self.imports.contains_key(name)
    }

    /// Records the statement at `at`, and returns the token at which to continue. Returns `None` if the statement is
    /// not relevant.
    fn statement(&mut self, file: &SourceFile, at: usize) -> Option<usize> {
        if file.kind(at) != Some(Kind::Name) {
            return None;
        }
        match file.word(at) {
            "import" => self.import(file, at + 1),
            "export" => self.export(file, at + 1),
            "const" if file.is_word(at + 1, "enum") => Some(self.declaration(file, at + 1, false)),
            "enum" | "function" => Some(self.declaration(file, at, false)),
            "const" | "let" | "var" => Some(self.constants(file, at + 1, false)),
            "module" if file.is_sign(at + 1, b'.') && file.is_word(at + 2, "exports") => {
                self.assigned_export(file, at + 3)
            }
            "exports" => self.assigned_export(file, at + 1),
            name => {
                let is_changed = match file.kind(at + 1) {
                    Some(Kind::Sign(b'=' | b'.')) => true,
                    Some(Kind::Open(b'[')) => !file.begins_line(at + 1),
                    _ => false,
                };
                if is_changed
                    && file.begins_line(at)
                    && let Some(constant) = self.constants.get_mut(name)
                {
                    constant.changed = Some(at);
                }
                None
            }
        }
    }

    /// Records a function or an enum, starting at its keyword. The last declaration of an overloaded function wins,
    /// because only the last declaration has a body.
    fn declaration(&mut self, file: &SourceFile, at: usize, exported: bool) -> usize {
        if file.kind(at + 1) == Some(Kind::Name) {
            let name = file.word(at + 1).to_owned();
            if exported {
                self.exports.insert(name.clone(), Export::Local(name.clone()));
            }
            self.constants.insert(name, Constant { value: at, changed: None });
        }
        at + 2
    }

    /// Records `import …`, starting at the token after the keyword.
    fn import(&mut self, file: &SourceFile, mut at: usize) -> Option<usize> {
        // `import(…)` and `import.meta` are expressions, and `import 'x'` imports no names.
        let only_types = file.is_word(at, "type") && !file.is_word(at + 1, "from");
        if only_types {
            at += 1;
        }
        let mut names = Vec::new();
        // The longest clause is a name, a comma, and names in braces.
        for _ in 0..4 {
            match file.kind(at)? {
                Kind::Name if file.is_word(at, "from") && file.kind(at + 1) == Some(Kind::Text) => break,
                Kind::Name => {
                    names.push((file.word(at).to_owned(), Some("default".to_owned())));
                    at += 1;
                }
                Kind::Sign(b',') => at += 1,
                Kind::Sign(b'*') if file.is_word(at + 1, "as") => {
                    names.push((file.word(at + 2).to_owned(), None));
                    at += 3;
                }
                Kind::Open(b'{') => {
                    names.extend(in_braces(file, at).into_iter().map(|(there, here)| (here, Some(there))));
                    at = file.after(at);
                }
                _ => return None,
            }
        }
        if !file.is_word(at, "from") {
            return None;
        }
        let specifier = file.string_at(at + 1)?;
        if !only_types {
            let sources = names.into_iter().map(|(here, name)| (here, Source { specifier: specifier.clone(), name }));
            self.imports.extend(sources);
        }
        Some(at + 2)
    }

    /// Records `export …`, starting at the token after the keyword.
    fn export(&mut self, file: &SourceFile, at: usize) -> Option<usize> {
        match (file.kind(at)?, file.word(at)) {
            (Kind::Name, "default") => {
                self.exports.insert("default".to_owned(), Export::Value(at + 1));
                Some(at + 1)
            }
            (Kind::Name, "const") if file.is_word(at + 1, "enum") => Some(self.declaration(file, at + 1, true)),
            (Kind::Name, "enum" | "function") => Some(self.declaration(file, at, true)),
            (Kind::Name, "const" | "let" | "var") => Some(self.constants(file, at + 1, true)),
            (Kind::Open(b'{'), _) => {
                let names = in_braces(file, at);
                let after = file.after(at);
                let specifier = if file.is_word(after, "from") { Some(file.string_at(after + 1)?) } else { None };
                for (here, there) in names {
                    let export = match &specifier {
                        Some(specifier) => Export::From(Source { specifier: specifier.clone(), name: Some(here) }),
                        None => Export::Local(here),
                    };
                    self.exports.insert(there, export);
                }
                Some(after)
            }
            (Kind::Sign(b'='), _) => {
                self.exports.insert("default".to_owned(), Export::Value(at + 1));
                Some(at + 1)
            }
            (Kind::Sign(b'*'), _) if file.is_word(at + 1, "from") => {
                self.stars.push(file.string_at(at + 2)?);
                Some(at + 3)
            }
            _ => None,
        }
    }

    /// Records `module.exports = …`, `module.exports.name = …` or `exports.name = …`, starting at the token after
    /// `exports`.
    fn assigned_export(&mut self, file: &SourceFile, at: usize) -> Option<usize> {
        let (name, sign) = if file.is_sign(at, b'.') { (file.word(at + 1), at + 2) } else { ("default", at) };
        if !file.is_sign(sign, b'=') {
            return None;
        }
        self.exports.insert(name.to_owned(), Export::Value(sign + 1));
        Some(sign + 1)
    }

    /// Records the constants of one statement, starting at the token after its keyword.
    fn constants(&mut self, file: &SourceFile, mut at: usize, exported: bool) -> usize {
        loop {
            // Destructuring patterns are not supported, so their names remain undefined.
            let name = (file.kind(at) == Some(Kind::Name)).then(|| file.word(at).to_owned());
            let Some(value) = after_equals(file, at) else { return at };
            if let Some(name) = name {
                if exported {
                    self.exports.insert(name.clone(), Export::Local(name.clone()));
                }
                self.constants.insert(name, Constant { value, changed: None });
            }
            at = value;
            // Another constant, with a type or a value, may follow after a comma.
            loop {
                match file.kind(at) {
                    None | Some(Kind::Sign(b';') | Kind::Close(_)) => return at,
                    Some(Kind::Sign(b','))
                        if file.kind(at + 1) == Some(Kind::Name)
                            && matches!(file.kind(at + 2), Some(Kind::Sign(b'=' | b':'))) =>
                    {
                        break;
                    }
                    Some(Kind::Name) if at > value && file.begins_line(at) && begins_statement(file.word(at)) => {
                        return at;
                    }
                    _ => at = file.after(at),
                }
            }
            at += 1;
        }
    }
}

fn begins_statement(word: &str) -> bool {
    matches!(
        word,
        "import"
            | "export"
            | "const"
            | "let"
            | "var"
            | "module"
            | "exports"
            | "function"
            | "enum"
            | "class"
            | "type"
            | "interface"
    )
}

/// Returns the token after the `=` of a declaration, which may have a type.
fn after_equals(file: &SourceFile, mut at: usize) -> Option<usize> {
    loop {
        match file.kind(at)? {
            Kind::Sign(b'=') => return Some(at + 1),
            Kind::Sign(b';') | Kind::Close(_) => return None,
            // Another declaration begins. A type cannot contain these keywords.
            Kind::Name if matches!(file.word(at), "const" | "let" | "var") => return None,
            _ => at = file.after(at),
        }
    }
}

/// Returns the names in a list such as `{ a, b as c, type D }`, each as a pair of the names before and after `as`. In a
/// pair for a name without `as`, both names are equal. Types are skipped.
fn in_braces(file: &SourceFile, at: usize) -> Vec<(String, String)> {
    let end = file.after(at) - 1;
    let mut names = Vec::new();
    let mut next = at + 1;
    while next < end {
        let begin = next;
        while next < end && !file.is_sign(next, b',') {
            next = file.after(next);
        }
        let first = file.string_at(begin).unwrap_or_else(|| file.word(begin).to_owned());
        match next - begin {
            1 => names.push((first.clone(), first)),
            3 if file.is_word(begin + 1, "as") => names.push((first, file.word(begin + 2).to_owned())),
            _ => {}
        }
        next += 1;
    }
    names
}
