//! Evaluates expressions: literals, and the names, calls and properties used in them.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::constructs::{construct, construct_after, not_read};
use super::evaluator::{Evaluator, Named};
use super::limits::{BYTES_PER_COST, MAX_DEPTH};
use super::module::Module;
use super::problem::Problem;
use super::scalar;
use super::signature::{call_at, is_function};
use super::source_file::SourceFile;
use super::tokens::Kind;
use super::types::{after_angles, after_type};
use super::value::{Evaluated, Shared, measure, property_of, text_of};

impl Evaluator<'_> {
    /// Evaluates an expression and returns the token after it.
    pub(super) fn expression(&mut self, module: &Rc<Module>, at: usize) -> Result<(Evaluated, usize), Problem> {
        self.enter(module, at)?;
        let (value, next) = self.operand(module, at)?;
        let (value, next) = self.postfix(module, value, next)?;
        self.depth -= 1;
        let next = self.end_of_expression(module, next)?;
        Ok((value, next))
    }

    /// Skips type assertions, which do not change the value, and rejects operators, which would change it.
    pub(super) fn end_of_expression(&mut self, file: &SourceFile, mut at: usize) -> Result<usize, Problem> {
        let begin = at;
        loop {
            if (file.is_word(at, "as") || file.is_word(at, "satisfies")) && !file.begins_line(at) {
                let next = after_type(file, at + 1);
                if next == at + 1 {
                    return Err(file.problem_at(next, "expected a type"));
                }
                at = next;
            } else if file.is_sign(at, b'!') && !file.begins_line(at) && !file.is_sign(at + 1, b'=') {
                at += 1;
            } else {
                break;
            }
        }
        // A long type is skipped again each time the value is used, so skipping has a cost.
        self.pay(file, at, (at - begin) / BYTES_PER_COST)?;
        if file.ends_expression(at) { Ok(at) } else { Err(not_read(file, at, &construct_after(file, at))) }
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
                if next + 1 != module.after(at) {
                    return Err(not_read(module, next, "a list of expressions"));
                }
                Ok((value, next + 1))
            }
            // A type assertion of the form `<Type>value`.
            Kind::Sign(b'<') if !is_function(module, at) => {
                let after = after_angles(module, at).ok_or_else(|| not_read(module, at, "the sign `<`"))?;
                self.enter(module, at)?;
                let read = self.operand(module, after)?;
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
        let end = module.after(at) - 1;
        let mut values = Vec::new();
        let mut next = at + 1;
        while next < end {
            if module.is_sign(next, b',') {
                // An array hole.
                self.pay(module, next, 1)?;
                values.push(Value::Null);
            } else if module.kind(next) == Some(Kind::Spread) {
                let (spread, after) = self.spread_array(module, next + 1)?;
                values.extend(spread);
                next = after;
            } else {
                let (value, after) = self.expression(module, next)?;
                values.push(value.unwrap_or(Value::Null));
                next = after;
            }
            next = module.after_comma(next, end)?;
        }
        Ok((Some(Value::Array(values)), end + 1))
    }

    pub(super) fn spread_array(&mut self, module: &Rc<Module>, at: usize) -> Result<(Vec<Value>, usize), Problem> {
        match self.expression(module, at)? {
            (Some(Value::Array(values)), next) => Ok((values, next)),
            _ => Err(not_read(module, at, "a spread of a value that is not an array")),
        }
    }

    fn object(&mut self, module: &Rc<Module>, at: usize) -> Result<(Evaluated, usize), Problem> {
        let end = module.after(at) - 1;
        let mut properties = Map::new();
        let mut next = at + 1;
        while next < end {
            if module.kind(next) == Some(Kind::Spread) {
                let (value, after) = self.expression(module, next + 1)?;
                match value {
                    Some(Value::Object(spread)) => properties.extend(spread),
                    None | Some(Value::Null) => {}
                    Some(_) => return Err(not_read(module, next, "a spread of a value that is not an object")),
                }
                next = after;
            } else {
                let (name, value, after) = self.property(module, next)?;
                self.pay(module, next, name.len() / BYTES_PER_COST)?;
                match value {
                    Some(value) => properties.insert(name, value),
                    // `JSON.stringify` omits properties that are `undefined`.
                    None => properties.shift_remove(&name),
                };
                next = after;
            }
            next = module.after_comma(next, end)?;
        }
        Ok((Some(Value::Object(properties)), end + 1))
    }

    fn property(&mut self, module: &Rc<Module>, at: usize) -> Result<(String, Evaluated, usize), Problem> {
        let is_computed = module.kind(at) == Some(Kind::Open(b'['));
        let name = match module.kind(at) {
            Some(Kind::Name) => Ok(module.word(at).to_owned()),
            Some(Kind::Text) => scalar::string(module.word(at)),
            Some(Kind::Number) => scalar::number(module.word(at)).map(scalar::property_name),
            Some(Kind::Open(b'[')) => Ok(self.key(module, at)?),
            _ => return Err(not_read(module, at, &construct(module, at))),
        };
        let name = name.map_err(|what| not_read(module, at, what))?;
        let next = module.after(at);
        if module.is_sign(next, b':') {
            if name == "__proto__" && !is_computed {
                return Err(not_read(module, at, "a property named `__proto__` (which sets a prototype)"));
            }
            let (value, after) = self.expression(module, next + 1)?;
            return Ok((name, value, after));
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
            _ => Err(module.problem_at(next, "missing colon")),
        }
    }

    /// Evaluates a keyword that is a value, or a name with the properties that are accessed on it.
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
                    return Err(not_read(module, at, "a namespace import as a value"));
                }
                next += 2;
                let name = module.word(next - 1);
                let missing = || {
                    let name = module.truncated(next - 1);
                    module.problem_at(next - 1, format!("the imported file does not export `{name}`"))
                };
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

    /// Returns a shared value, or the part of the value that is selected by property accesses at the token `next`.
    fn part_of(
        &mut self,
        module: &Rc<Module>,
        at: usize,
        mut next: usize,
        shared: &Shared,
    ) -> Result<(Evaluated, usize), Problem> {
        let mut value = shared.value.as_ref();
        let mut is_part = false;
        while let Some((key, after)) = self.property_at(module, next)? {
            value = property_of(value, &key)
                .ok_or_else(|| not_read(module, next, "a property of a value that is not an object"))?;
            is_part = true;
            next = after;
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

    /// Returns the name of the property accessed at a token, and the token after it. Returns `None` for anything else,
    /// such as a method call.
    fn property_at(&mut self, module: &Rc<Module>, at: usize) -> Result<Option<(String, usize)>, Problem> {
        let (key, after) = match module.kind(at) {
            Some(Kind::Sign(b'.')) if module.kind(at + 1) == Some(Kind::Name) => {
                (module.word(at + 1).to_owned(), at + 2)
            }
            Some(Kind::Open(b'[')) if !module.begins_line(at) => (self.key(module, at)?, module.after(at)),
            _ => return Ok(None),
        };
        self.pay(module, at, 1 + key.len() / BYTES_PER_COST)?;
        Ok((module.kind(after) != Some(Kind::Open(b'('))).then_some((key, after)))
    }

    /// Evaluates the key in the square brackets at a token.
    fn key(&mut self, module: &Rc<Module>, at: usize) -> Result<String, Problem> {
        let (value, next) = self.expression(module, at + 1)?;
        let key = value.as_ref().and_then(text_of);
        key.filter(|_| next + 1 == module.after(at)).ok_or_else(|| not_read(module, at, "a computed key"))
    }

    /// Evaluates the property accesses and calls of `.map` that follow a value.
    fn postfix(&mut self, module: &Rc<Module>, value: Evaluated, at: usize) -> Result<(Evaluated, usize), Problem> {
        let (mut value, mut next) = (value, at);
        loop {
            if let Some((key, after)) = self.property_at(module, next)? {
                let found = property_of(value.as_ref(), &key).map(|found| found.cloned());
                value = found.ok_or_else(|| not_read(module, next, "a property of a value that is not an object"))?;
                next = after;
                continue;
            }
            if !module.is_sign(next, b'.') || !module.is_word(next + 1, "map") {
                return Ok((value, next));
            }
            let Some(Value::Array(values)) = value else {
                return Err(not_read(module, next, &construct_after(module, next)));
            };
            let (mapped, after) = self.mapped(module, next + 2, values)?;
            (value, next) = (Some(mapped), after);
        }
    }
}
