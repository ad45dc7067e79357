//! What an expression is: literals, and constants made of them. It runs nothing. Depth is bounded, and so is what
//! copies of constants come to in all.

use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::composed::text_of;
use super::constructs::{construct, construct_behind, not_read};
use super::functions::{Frame, call_at, is_function};
use super::names::{Known, Loaded, Named, Shared, measure};
use super::tokens::Kind;
use super::types::{behind_angles, behind_type};
use super::{BASE_COST, BYTES_PER_COST, COST_PER_TOKEN, Imports, MAX_COST, MAX_DEPTH, Module, Problem, scalar};

/// A value; `None` is `undefined`, which JSON does not have.
pub(super) type Evaluated = Option<Value>;

/// Reads the cases of a file.
pub(super) struct Evaluator<'a> {
    pub(super) modules: Vec<Rc<Module>>,
    pub(super) imports: &'a mut dyn Imports,
    /// By the file that imports, and what it calls what it imports.
    pub(super) loaded: HashMap<(PathBuf, String), Loaded>,
    pub(super) known: HashMap<(*const Module, usize), Known>,
    pub(super) depth: usize,
    /// What the names inside the functions that are being evaluated stand for, the innermost last.
    pub(super) frames: Vec<Frame>,
    cost: usize,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(module: Rc<Module>, imports: &'a mut dyn Imports) -> Self {
        Self {
            modules: vec![module],
            imports,
            loaded: HashMap::new(),
            known: HashMap::new(),
            depth: 0,
            frames: Vec::new(),
            cost: 0,
        }
    }

    /// One level deeper, with `at` as the place to blame.
    pub(super) fn enter(&mut self, module: &Module, at: usize) -> Result<(), Problem> {
        if self.depth >= MAX_DEPTH {
            return Err(module.problem_at(at, format!("this is nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        Ok(())
    }

    pub(super) fn pay(&mut self, module: &Module, at: usize, cost: usize) -> Result<(), Problem> {
        self.cost = self.cost.saturating_add(cost);
        if self.is_spent() {
            return Err(module.problem_at(at, "the cases of the file are too large with all that they repeat"));
        }
        Ok(())
    }

    /// Whether the cases come to more than those of a file of this size may.
    pub(super) fn is_spent(&self) -> bool {
        let tokens: usize = self.modules.iter().map(|module| module.tokens.len()).sum();
        self.cost > MAX_COST.min(BASE_COST + COST_PER_TOKEN * tokens)
    }

    /// Reads an expression and reports what comes behind it.
    pub(super) fn expression(&mut self, module: &Rc<Module>, at: usize) -> Result<(Evaluated, usize), Problem> {
        self.enter(module, at)?;
        let (value, next) = self.operand(module, at)?;
        let (value, next) = self.postfix(module, value, next)?;
        self.depth -= 1;
        let next = self.end_of_expression(module, next)?;
        Ok((value, next))
    }

    /// Steps over what changes no value, and rejects what would.
    pub(super) fn end_of_expression(&mut self, module: &Module, mut at: usize) -> Result<usize, Problem> {
        let begin = at;
        loop {
            if (module.is_word(at, "as") || module.is_word(at, "satisfies")) && !module.begins_line(at) {
                let next = behind_type(module, at + 1);
                if next == at + 1 {
                    return Err(module.problem_at(next, "a type is expected here"));
                }
                at = next;
            } else if module.is_sign(at, b'!') && !module.begins_line(at) && !module.is_sign(at + 1, b'=') {
                at += 1;
            } else {
                break;
            }
        }
        // A long type is stepped over again each time.
        self.pay(module, at, (at - begin) / BYTES_PER_COST)?;
        if is_end(module, at) { Ok(at) } else { Err(not_read(module, at, &construct_behind(module, at))) }
    }

    fn operand(&mut self, module: &Rc<Module>, at: usize) -> Result<(Evaluated, usize), Problem> {
        let Some(kind) = module.kind(at) else {
            return Err(module.problem_at(at, "the file ends where a value is expected"));
        };
        self.pay(module, at, 1)?;
        match kind {
            Kind::Text | Kind::Template => {
                let text = scalar::string(module.word(at)).map_err(|what| not_read(module, at, what))?;
                self.pay(module, at, text.len() / BYTES_PER_COST)?;
                Ok((Some(Value::String(text)), at + 1))
            }
            Kind::Number => {
                let number = scalar::number(module.word(at)).map_err(|what| not_read(module, at, what))?;
                Ok((Some(scalar::json_number(number)), at + 1))
            }
            Kind::Sign(sign @ (b'-' | b'+')) => {
                let number = match module.kind(at + 1) {
                    Some(Kind::Number) => scalar::number(module.word(at + 1)),
                    Some(Kind::Name) if module.word(at + 1) == "Infinity" => Ok(f64::INFINITY),
                    _ => return Err(not_read(module, at, &construct(module, at))),
                };
                let number = number.map_err(|what| not_read(module, at + 1, what))?;
                Ok((Some(scalar::json_number(if sign == b'-' { -number } else { number })), at + 2))
            }
            Kind::Open(b'`') => self.template(module, at),
            Kind::Open(b'(') if !is_function(module, at) => {
                let (value, next) = self.expression(module, at + 1)?;
                if next + 1 != module.behind(at) {
                    return Err(not_read(module, next, "a list of expressions"));
                }
                Ok((value, next + 1))
            }
            // `<Type>value`
            Kind::Sign(b'<') if !is_function(module, at) => {
                let behind = behind_angles(module, at).ok_or_else(|| not_read(module, at, "the sign `<`"))?;
                self.enter(module, at)?;
                let read = self.operand(module, behind)?;
                self.depth -= 1;
                Ok(read)
            }
            Kind::Open(b'[') => self.array(module, at),
            Kind::Open(b'{') => self.object(module, at),
            Kind::Name => self.name(module, at),
            _ => Err(not_read(module, at, &construct(module, at))),
        }
    }

    fn array(&mut self, module: &Rc<Module>, at: usize) -> Result<(Evaluated, usize), Problem> {
        let end = module.behind(at) - 1;
        let mut values = Vec::new();
        let mut next = at + 1;
        while next < end {
            if module.is_sign(next, b',') {
                // A hole.
                self.pay(module, next, 1)?;
                values.push(Value::Null);
            } else if module.kind(next) == Some(Kind::Spread) {
                let (spread, behind) = self.spread_array(module, next + 1)?;
                values.extend(spread);
                next = behind;
            } else {
                let (value, behind) = self.expression(module, next)?;
                values.push(value.unwrap_or(Value::Null));
                next = behind;
            }
            next = self.behind_comma(module, next, end)?;
        }
        Ok((Some(Value::Array(values)), end + 1))
    }

    pub(super) fn behind_comma(&self, module: &Module, at: usize, end: usize) -> Result<usize, Problem> {
        if at == end || module.is_sign(at, b',') {
            return Ok(at + 1);
        }
        Err(module.problem_at(at, "a comma is missing here"))
    }

    pub(super) fn spread_array(&mut self, module: &Rc<Module>, at: usize) -> Result<(Vec<Value>, usize), Problem> {
        match self.expression(module, at)? {
            (Some(Value::Array(values)), next) => Ok((values, next)),
            _ => Err(not_read(module, at, "a spread of what is no array")),
        }
    }

    fn object(&mut self, module: &Rc<Module>, at: usize) -> Result<(Evaluated, usize), Problem> {
        let end = module.behind(at) - 1;
        let mut members = Map::new();
        let mut next = at + 1;
        while next < end {
            if module.kind(next) == Some(Kind::Spread) {
                let (value, behind) = self.expression(module, next + 1)?;
                match value {
                    Some(Value::Object(spread)) => members.extend(spread),
                    None | Some(Value::Null) => {}
                    Some(_) => return Err(not_read(module, next, "a spread of what is no object")),
                }
                next = behind;
            } else {
                let (name, value, behind) = self.member(module, next)?;
                self.pay(module, next, name.len() / BYTES_PER_COST)?;
                match value {
                    Some(value) => members.insert(name, value),
                    // `undefined` is what a member is that is not there.
                    None => members.shift_remove(&name),
                };
                next = behind;
            }
            next = self.behind_comma(module, next, end)?;
        }
        Ok((Some(Value::Object(members)), end + 1))
    }

    fn member(&mut self, module: &Rc<Module>, at: usize) -> Result<(String, Evaluated, usize), Problem> {
        let is_computed = module.kind(at) == Some(Kind::Open(b'['));
        let name = match module.kind(at) {
            Some(Kind::Name) => Ok(module.word(at).to_owned()),
            Some(Kind::Text) => scalar::string(module.word(at)),
            Some(Kind::Number) => scalar::number(module.word(at)).map(scalar::property_name),
            Some(Kind::Open(b'[')) => Ok(self.key(module, at)?),
            _ => return Err(not_read(module, at, &construct(module, at))),
        };
        let name = name.map_err(|what| not_read(module, at, what))?;
        let next = module.behind(at);
        if module.is_sign(next, b':') {
            if name == "__proto__" && !is_computed {
                return Err(not_read(module, at, "a member `__proto__` (which sets a prototype)"));
            }
            let (value, behind) = self.expression(module, next + 1)?;
            return Ok((name, value, behind));
        }
        match module.kind(next) {
            Some(Kind::Sign(b',') | Kind::Close(_)) if module.kind(at) == Some(Kind::Name) => {
                let (value, _) = self.name(module, at)?;
                Ok((name, value, next))
            }
            Some(Kind::Open(b'(') | Kind::Sign(b'<')) => Err(not_read(module, at, "a method")),
            Some(_) if matches!(module.word(at), "get" | "set" | "async") => {
                Err(not_read(module, at, "a getter, setter or method"))
            }
            _ => Err(module.problem_at(next, "a colon is missing here")),
        }
    }

    /// A word that is a value, or a name, with the members that are taken out of it.
    fn name(&mut self, module: &Rc<Module>, at: usize) -> Result<(Evaluated, usize), Problem> {
        let is_bound = |name: &str| module.statements.knows(name);
        match module.word(at) {
            "enum" if !is_bound("enum") => return self.enumeration(module, at),
            "true" => return Ok((Some(Value::Bool(true)), at + 1)),
            "false" => return Ok((Some(Value::Bool(false)), at + 1)),
            "null" => return Ok((Some(Value::Null), at + 1)),
            "NaN" | "Infinity" if !is_bound(module.word(at)) => return Ok((Some(Value::Null), at + 1)),
            "undefined" if !is_bound("undefined") => return Ok((None, at + 1)),
            _ => {}
        }
        let local = if module.kind(at + 1) == Some(Kind::Arrow) { None } else { self.local(module.word(at)) };
        if local.is_none() {
            match module.word(at) {
                name if !is_bound(name) => return self.built_in(module, at),
                _ if matches!(module.kind(at + 1), Some(Kind::Arrow | Kind::Template | Kind::Open(b'`'))) => {
                    return Err(not_read(module, at, &construct(module, at)));
                }
                _ => {}
            }
        }
        let mut next = at + 1;
        if let Some(shared) = local {
            return self.part_of(module, at, next, &shared);
        }
        let place = match self.named(module, at)? {
            Named::Value(place) => place,
            Named::File(file) => {
                if !module.is_sign(next, b'.') || module.kind(next + 1) != Some(Kind::Name) {
                    return Err(not_read(module, at, "a whole file as a value"));
                }
                next += 2;
                let name = module.word(next - 1);
                let missing =
                    || module.problem_at(next - 1, format!("`{}` is not exported there", module.shown(next - 1)));
                self.exported(&file, name)?.ok_or_else(missing)?
            }
        };
        if let Some(open) = call_at(module, next) {
            return self.call(module, at, open, place);
        }
        if place.module.is_word(place.at, "enum") && !module.is_sign(next, b'.') {
            return Err(not_read(module, at, "a whole enum as a value"));
        }
        let shared = self.shared(module, at, &place)?;
        self.part_of(module, at, next, &shared)
    }

    /// A value that stands in many places, or the part of it that the members at `next` lead to.
    fn part_of(
        &mut self,
        module: &Rc<Module>,
        at: usize,
        mut next: usize,
        shared: &Shared,
    ) -> Result<(Evaluated, usize), Problem> {
        let mut value = shared.value.as_ref();
        let mut is_part = false;
        while let Some((key, behind)) = self.member_at(module, next)? {
            value = member_of(value, &key).ok_or_else(|| not_read(module, next, "a member of what is no object"))?;
            is_part = true;
            next = behind;
        }
        let (cost, depth) = match value {
            Some(value) if is_part => measure(value),
            Some(_) => (shared.cost, shared.depth),
            None => (0, 0),
        };
        self.pay(module, at, cost)?;
        if self.depth + depth > MAX_DEPTH {
            return Err(module.problem_at(at, format!("this is nested deeper than {MAX_DEPTH} levels")));
        }
        Ok((value.cloned(), next))
    }

    /// The name of the member at a place, and what comes behind it; `None` where there is none, or a method is called.
    fn member_at(&mut self, module: &Rc<Module>, at: usize) -> Result<Option<(String, usize)>, Problem> {
        let (key, behind) = match module.kind(at) {
            Some(Kind::Sign(b'.')) if module.kind(at + 1) == Some(Kind::Name) => {
                (module.word(at + 1).to_owned(), at + 2)
            }
            Some(Kind::Open(b'[')) if !module.begins_line(at) => (self.key(module, at)?, module.behind(at)),
            _ => return Ok(None),
        };
        self.pay(module, at, 1 + key.len() / BYTES_PER_COST)?;
        Ok((module.kind(behind) != Some(Kind::Open(b'('))).then_some((key, behind)))
    }

    /// The key in the square brackets at a place.
    fn key(&mut self, module: &Rc<Module>, at: usize) -> Result<String, Problem> {
        let (value, next) = self.expression(module, at + 1)?;
        let key = value.as_ref().and_then(text_of);
        key.filter(|_| next + 1 == module.behind(at)).ok_or_else(|| not_read(module, at, "a computed key"))
    }

    /// What follows a value: its members, and `.map` of an array.
    fn postfix(&mut self, module: &Rc<Module>, value: Evaluated, at: usize) -> Result<(Evaluated, usize), Problem> {
        let (mut value, mut next) = (value, at);
        loop {
            if let Some((key, behind)) = self.member_at(module, next)? {
                let found = member_of(value.as_ref(), &key).map(|found| found.cloned());
                value = found.ok_or_else(|| not_read(module, next, "a member of what is no object"))?;
                next = behind;
                continue;
            }
            if !module.is_sign(next, b'.') || !module.is_word(next + 1, "map") {
                return Ok((value, next));
            }
            let Some(Value::Array(values)) = value else {
                return Err(not_read(module, next, &construct_behind(module, next)));
            };
            let (mapped, behind) = self.mapped(module, next + 2, values)?;
            (value, next) = (Some(mapped), behind);
        }
    }
}

/// The member of a value, which may be missing; `None` where it can have none.
fn member_of<'v>(value: Option<&'v Value>, key: &str) -> Option<Option<&'v Value>> {
    match value {
        Some(Value::Object(members)) => Some(members.get(key)),
        Some(Value::Array(_)) if key == "length" => None,
        Some(Value::Array(values)) => Some(key.parse::<usize>().ok().and_then(|index| values.get(index))),
        _ => None,
    }
}

/// Whether an expression may end before the token.
pub(super) fn is_end(module: &Module, at: usize) -> bool {
    match module.kind(at) {
        None | Some(Kind::Sign(b',' | b';') | Kind::Close(_) | Kind::Between) => true,
        // Another statement.
        Some(Kind::Name | Kind::Open(b'{')) => {
            module.begins_line(at) && !matches!(module.word(at), "in" | "instanceof")
        }
        _ => false,
    }
}
