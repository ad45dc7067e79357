//! Evaluates template strings, enums, and calls of built-in functions such as `Object.assign`.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::constructs::{construct, construct_after, not_read};
use super::evaluator::Evaluator;
use super::limits::BYTES_PER_COST;
use super::module::Module;
use super::problem::Problem;
use super::scalar;
use super::tokens::Kind;
use super::value::{Evaluated, text_of};

impl Evaluator<'_> {
    /// Evaluates a template string with substitutions.
    pub(super) fn template(&mut self, module: &Rc<Module>, at: usize) -> Result<(Evaluated, usize), Problem> {
        let mut text = String::new();
        let mut next = at;
        loop {
            let word = module.word(next);
            let is_last = module.kind(next) == Some(Kind::Close(b'`'));
            let inner = word.get(1..).unwrap_or_default();
            let inner = inner.strip_suffix(if is_last { "`" } else { "${" }).unwrap_or_default();
            let piece = scalar::string(&format!("`{inner}`")).map_err(|what| not_read(module, next, what))?;
            self.pay(module, next, 1 + piece.len() / BYTES_PER_COST)?;
            text.push_str(&piece);
            if is_last {
                return Ok((Some(Value::String(text)), next + 1));
            }
            let (value, after) = self.expression(module, next + 1)?;
            let piece = value.as_ref().and_then(text_of);
            let piece = piece.ok_or_else(|| {
                not_read(module, next + 1, "a value other than text or a number in a template string")
            })?;
            self.pay(module, next, piece.len() / BYTES_PER_COST)?;
            text.push_str(&piece);
            next = after;
            if !matches!(module.kind(next), Some(Kind::Between | Kind::Close(b'`'))) {
                return Err(not_read(module, next, &construct_after(module, next)));
            }
        }
    }

    /// Evaluates a call of a built-in JavaScript function, such as `Object.freeze(value)`.
    pub(super) fn built_in(&mut self, module: &Rc<Module>, at: usize) -> Result<(Evaluated, usize), Problem> {
        let unknown = || not_read(module, at, &construct(module, at));
        let (name, open) = match module.word(at) {
            "Object" if module.is_sign(at + 1, b'.') => (module.word(at + 2), at + 3),
            name => (name, at + 1),
        };
        if module.kind(open) != Some(Kind::Open(b'(')) {
            return Err(unknown());
        }
        let is_of_object = open == at + 3;
        match (is_of_object, name) {
            (true, "freeze" | "seal") | (false, "structuredClone") => {
                let value = self.arguments(module, open)?.into_iter().next().flatten();
                Ok((value, module.after(open)))
            }
            (true, "assign") => {
                let mut properties = Map::new();
                for value in self.arguments(module, open)? {
                    match value {
                        Some(Value::Object(more)) => properties.extend(more),
                        None | Some(Value::Null) => {}
                        Some(_) => return Err(unknown()),
                    }
                }
                Ok((Some(Value::Object(properties)), module.after(open)))
            }
            _ => Err(unknown()),
        }
    }

    /// Evaluates the enum at a token to an object with its members.
    pub(super) fn enumeration(&mut self, module: &Rc<Module>, at: usize) -> Result<(Evaluated, usize), Problem> {
        let open = at + 2;
        if module.kind(open) != Some(Kind::Open(b'{')) {
            return Err(not_read(module, at, "an enum"));
        }
        let (end, mut next) = (module.after(open) - 1, open + 1);
        let (mut members, mut number) = (Map::new(), Some(0_i64));
        while next < end {
            let name = match module.kind(next) {
                Some(Kind::Name) => module.word(next).to_owned(),
                _ => module.string_at(next).ok_or_else(|| not_read(module, next, &construct(module, next)))?,
            };
            self.pay(module, next, 1 + name.len() / BYTES_PER_COST)?;
            let value = if module.is_sign(next + 1, b'=') {
                let (value, after) = self.expression(module, next + 2)?;
                next = after;
                number = value.as_ref().and_then(Value::as_i64).and_then(|number| number.checked_add(1));
                value.unwrap_or_default()
            } else {
                let value = number.ok_or_else(|| not_read(module, next, "a member of an enum without a value"))?;
                next += 1;
                number = value.checked_add(1);
                Value::from(value)
            };
            members.insert(name, value);
            next = module.after_comma(next, end)?;
        }
        Ok((Some(Value::Object(members)), end + 1))
    }
}
