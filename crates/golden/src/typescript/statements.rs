//! The constants, imports and exports of a file. Whatever else stands at its top is stepped over.

use std::collections::HashMap;

use super::Module;
use super::tokens::Kind;

/// What names at the top of a file stand for.
#[derive(Debug, Default)]
pub(super) struct Statements {
    pub(super) constants: HashMap<String, Constant>,
    pub(super) imports: HashMap<String, Source>,
    pub(super) exports: HashMap<String, Export>,
    /// What `export * from` names.
    pub(super) stars: Vec<String>,
}

/// A constant, or a variable that is used as one.
#[derive(Debug)]
pub(super) struct Constant {
    /// The token that its value begins with.
    pub(super) value: usize,
    /// The token of a statement that changes it.
    pub(super) changed: Option<usize>,
}

/// Something of another file.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) specifier: String,
    /// What it is called there, `None` for all that is exported there.
    pub(super) name: Option<String>,
}

/// What is exported under a name.
#[derive(Debug, Clone)]
pub(super) enum Export {
    /// What has this name in the file.
    Local(String),
    /// The expression that begins at this token.
    Value(usize),
    /// Something of another file.
    From(Source),
}

impl Statements {
    /// Finds the statements of a file that was taken apart into tokens.
    pub(super) fn of(module: &Module) -> Self {
        let mut found = Self::default();
        let mut at = 0;
        while module.kind(at).is_some() {
            let is_member = at > 0 && (module.is_sign(at - 1, b'.') || module.is_word(at - 1, "as"));
            let next = if is_member { None } else { found.statement(module, at) };
            at = next.unwrap_or_else(|| module.behind(at));
        }
        found
    }

    /// Whether a name stands for something.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.constants.contains_key(name) || self.imports.contains_key(name)
    }

    /// Notes the statement at `at` and reports where to go on, `None` where there is none of those that matter.
    fn statement(&mut self, module: &Module, at: usize) -> Option<usize> {
        if module.kind(at) != Some(Kind::Name) {
            return None;
        }
        match module.word(at) {
            "import" => self.import(module, at + 1),
            "export" => self.export(module, at + 1),
            "const" if module.is_word(at + 1, "enum") => Some(self.declaration(module, at + 1, false)),
            "enum" | "function" => Some(self.declaration(module, at, false)),
            "const" | "let" | "var" => Some(self.constants(module, at + 1, false)),
            "module" if module.is_sign(at + 1, b'.') && module.is_word(at + 2, "exports") => {
                self.assigned_export(module, at + 3)
            }
            "exports" => self.assigned_export(module, at + 1),
            name => {
                let is_changed = match module.kind(at + 1) {
                    Some(Kind::Sign(b'=' | b'.')) => true,
                    Some(Kind::Open(b'[')) => !module.begins_line(at + 1),
                    _ => false,
                };
                if is_changed
                    && module.begins_line(at)
                    && let Some(constant) = self.constants.get_mut(name)
                {
                    constant.changed = Some(at);
                }
                None
            }
        }
    }

    /// A function or an enum, from its first word on. Of overloaded functions the last declaration has the body.
    fn declaration(&mut self, module: &Module, at: usize, exported: bool) -> usize {
        if module.kind(at + 1) == Some(Kind::Name) {
            let name = module.word(at + 1).to_owned();
            if exported {
                self.exports.insert(name.clone(), Export::Local(name.clone()));
            }
            self.constants.insert(name, Constant { value: at, changed: None });
        }
        at + 2
    }

    /// `import …`, from behind the word on.
    fn import(&mut self, module: &Module, mut at: usize) -> Option<usize> {
        // `import(…)` and `import.meta` are expressions, `import 'x'` brings no names.
        let only_types = module.is_word(at, "type") && !module.is_word(at + 1, "from");
        if only_types {
            at += 1;
        }
        let mut names = Vec::new();
        // A name, a comma and what is in braces are the most that there is.
        for _ in 0..4 {
            match module.kind(at)? {
                Kind::Name if module.is_word(at, "from") && module.kind(at + 1) == Some(Kind::Text) => break,
                Kind::Name => {
                    names.push((module.word(at).to_owned(), Some("default".to_owned())));
                    at += 1;
                }
                Kind::Sign(b',') => at += 1,
                Kind::Sign(b'*') if module.is_word(at + 1, "as") => {
                    names.push((module.word(at + 2).to_owned(), None));
                    at += 3;
                }
                Kind::Open(b'{') => {
                    names.extend(in_braces(module, at).into_iter().map(|(there, here)| (here, Some(there))));
                    at = module.behind(at);
                }
                _ => return None,
            }
        }
        if !module.is_word(at, "from") {
            return None;
        }
        let specifier = module.string_at(at + 1)?;
        if !only_types {
            let sources = names.into_iter().map(|(here, name)| (here, Source { specifier: specifier.clone(), name }));
            self.imports.extend(sources);
        }
        Some(at + 2)
    }

    /// `export …`, from behind the word on.
    fn export(&mut self, module: &Module, at: usize) -> Option<usize> {
        match (module.kind(at)?, module.word(at)) {
            (Kind::Name, "default") => {
                self.exports.insert("default".to_owned(), Export::Value(at + 1));
                Some(at + 1)
            }
            (Kind::Name, "const") if module.is_word(at + 1, "enum") => Some(self.declaration(module, at + 1, true)),
            (Kind::Name, "enum" | "function") => Some(self.declaration(module, at, true)),
            (Kind::Name, "const" | "let" | "var") => Some(self.constants(module, at + 1, true)),
            (Kind::Open(b'{'), _) => {
                let names = in_braces(module, at);
                let behind = module.behind(at);
                let specifier = if module.is_word(behind, "from") { Some(module.string_at(behind + 1)?) } else { None };
                for (here, there) in names {
                    let export = match &specifier {
                        Some(specifier) => Export::From(Source { specifier: specifier.clone(), name: Some(here) }),
                        None => Export::Local(here),
                    };
                    self.exports.insert(there, export);
                }
                Some(behind)
            }
            (Kind::Sign(b'='), _) => {
                self.exports.insert("default".to_owned(), Export::Value(at + 1));
                Some(at + 1)
            }
            (Kind::Sign(b'*'), _) if module.is_word(at + 1, "from") => {
                self.stars.push(module.string_at(at + 2)?);
                Some(at + 3)
            }
            _ => None,
        }
    }

    /// `module.exports = …`, `module.exports.name = …`, `exports.name = …`, from behind `exports` on.
    fn assigned_export(&mut self, module: &Module, at: usize) -> Option<usize> {
        let (name, sign) = if module.is_sign(at, b'.') { (module.word(at + 1), at + 2) } else { ("default", at) };
        if !module.is_sign(sign, b'=') {
            return None;
        }
        self.exports.insert(name.to_owned(), Export::Value(sign + 1));
        Some(sign + 1)
    }

    /// The constants of one statement, from behind its first word on.
    fn constants(&mut self, module: &Module, mut at: usize, exported: bool) -> usize {
        loop {
            // Other than a name it is taken apart, which names nothing that is known here.
            let name = (module.kind(at) == Some(Kind::Name)).then(|| module.word(at).to_owned());
            let Some(value) = behind_equals(module, at) else { return at };
            if let Some(name) = name {
                if exported {
                    self.exports.insert(name.clone(), Export::Local(name.clone()));
                }
                self.constants.insert(name, Constant { value, changed: None });
            }
            at = value;
            // Behind a comma another one may follow, with a type or a value.
            loop {
                match module.kind(at) {
                    None | Some(Kind::Sign(b';') | Kind::Close(_)) => return at,
                    Some(Kind::Sign(b','))
                        if module.kind(at + 1) == Some(Kind::Name)
                            && matches!(module.kind(at + 2), Some(Kind::Sign(b'=' | b':'))) =>
                    {
                        break;
                    }
                    Some(Kind::Name) if at > value && module.begins_line(at) && begins_statement(module.word(at)) => {
                        return at;
                    }
                    _ => at = module.behind(at),
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

/// The token behind the `=` of a declaration, whatever its type is.
fn behind_equals(module: &Module, mut at: usize) -> Option<usize> {
    loop {
        match module.kind(at)? {
            Kind::Sign(b'=') => return Some(at + 1),
            Kind::Sign(b';') | Kind::Close(_) => return None,
            // Another one begins; a type has no such word.
            Kind::Name if matches!(module.word(at), "const" | "let" | "var") => return None,
            _ => at = module.behind(at),
        }
    }
}

/// The pairs of `{ a, b as c, type D }`: what is left of `as`, and what is right of it. Types are left out.
fn in_braces(module: &Module, at: usize) -> Vec<(String, String)> {
    let end = module.behind(at) - 1;
    let mut names = Vec::new();
    let mut next = at + 1;
    while next < end {
        let begin = next;
        while next < end && !module.is_sign(next, b',') {
            next = module.behind(next);
        }
        let first = module.string_at(begin).unwrap_or_else(|| module.word(begin).to_owned());
        match next - begin {
            1 => names.push((first.clone(), first)),
            3 if module.is_word(begin + 1, "as") => names.push((first, module.word(begin + 2).to_owned())),
            _ => {}
        }
        next += 1;
    }
    names
}
