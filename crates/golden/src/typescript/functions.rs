//! Evaluates calls of functions that only define constants and return a value. Parameters are bound to the arguments,
//! and the result is evaluated like any other expression. Any other statement is rejected.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::constructs::{construct, not_read};
use super::evaluator::{Evaluator, Frame, Named, Place};
use super::module::Module;
use super::problem::Problem;
use super::signature::{Function, after_pattern_type, function_at, is_function};
use super::tokens::Kind;
use super::value::{Evaluated, Shared};

/// The maximum number of constants between a call and the function, each of which is an alias of the next.
const MAX_ALIASES: usize = 10;

impl Evaluator<'_> {
    /// Calls the function at `callee`. `at` is the first token of the call, and `open` is the opening parenthesis.
    pub(super) fn call(
        &mut self,
        module: &Rc<Module>,
        at: usize,
        open: usize,
        callee: Place,
    ) -> Result<(Evaluated, usize), Problem> {
        let arguments = self.arguments(module, open)?;
        let mut callee = callee;
        for _ in 0..MAX_ALIASES {
            let is_alias = callee.module.kind(callee.at) == Some(Kind::Name) && !is_function(&callee.module, callee.at);
            if !is_alias || !callee.module.statements.knows(callee.module.word(callee.at)) {
                break;
            }
            let Named::Value(place) = self.named(&callee.module.clone(), callee.at)? else { break };
            callee = place;
        }
        let Some(function) = function_at(&callee.module, callee.at) else {
            return Err(not_read(module, at, &construct(module, at)));
        };
        self.enter(module, at)?;
        // The caller's constants and arguments are not in scope.
        let outside = std::mem::replace(&mut self.frames, vec![Frame::default()]);
        let result = self.result(&callee.module, &function, arguments);
        self.frames = outside;
        let value = result?;
        self.depth -= 1;
        Ok((value, module.after(open)))
    }

    /// Returns the result of `.map(function)`. `at` is the token of the opening parenthesis.
    pub(super) fn mapped(
        &mut self,
        module: &Rc<Module>,
        at: usize,
        values: Vec<Value>,
    ) -> Result<(Value, usize), Problem> {
        let end = module.after(at) - 1;
        let Some(function) = function_at(module, at + 1) else {
            return Err(not_read(module, at + 1, &construct(module, at + 1)));
        };
        self.enter(module, at)?;
        let mut results = Vec::new();
        for (index, value) in values.into_iter().enumerate() {
            self.pay(module, at, 1)?;
            self.frames.push(Frame { is_inner: true, ..Frame::default() });
            let result = self.result(module, &function, vec![Some(value), Some(Value::from(index))]);
            self.frames.pop();
            results.push(result?.unwrap_or(Value::Null));
        }
        self.depth -= 1;
        Ok((Value::Array(results), end + 1))
    }

    /// Evaluates the arguments in the parentheses at `open`.
    pub(super) fn arguments(&mut self, module: &Rc<Module>, open: usize) -> Result<Vec<Evaluated>, Problem> {
        let end = module.after(open) - 1;
        let mut arguments = Vec::new();
        let mut next = open + 1;
        while next < end {
            if module.kind(next) == Some(Kind::Spread) {
                let (values, after) = self.spread_array(module, next + 1)?;
                arguments.extend(values.into_iter().map(Some));
                next = after;
            } else {
                let (value, after) = self.expression(module, next)?;
                arguments.push(value);
                next = after;
            }
            next = module.after_comma(next, end)?;
        }
        Ok(arguments)
    }

    /// Evaluates the result of a function. The innermost frame belongs to this call, and must be empty.
    fn result(
        &mut self,
        module: &Rc<Module>,
        function: &Function,
        arguments: Vec<Evaluated>,
    ) -> Result<Evaluated, Problem> {
        let mut arguments = arguments.into_iter();
        if module.kind(function.parameters) == Some(Kind::Name) {
            self.bind(module, function.parameters, arguments.next().flatten())?;
        } else {
            let end = module.after(function.parameters) - 1;
            let mut next = function.parameters + 1;
            while next < end {
                next = if module.kind(next) == Some(Kind::Spread) {
                    let rest = arguments.by_ref().map(Option::unwrap_or_default).collect();
                    self.bind_with_type(module, next + 1, Some(Value::Array(rest)))?
                } else {
                    self.bind_with_type(module, next, arguments.next().flatten())?
                };
                next = module.after_comma(next, end)?;
            }
        }
        if function.is_block {
            return self.block(module, function.body);
        }
        self.expression(module, function.body).map(|(value, _)| value)
    }

    /// Evaluates the statements in braces to the value that they return.
    fn block(&mut self, module: &Rc<Module>, at: usize) -> Result<Evaluated, Problem> {
        let end = module.after(at) - 1;
        let mut next = at + 1;
        while next < end {
            match module.word(next) {
                ";" => next += 1,
                "return" => {
                    let is_empty = next + 1 == end || module.is_sign(next + 1, b';') || module.begins_line(next + 1);
                    return if is_empty { Ok(None) } else { self.expression(module, next + 1).map(|(value, _)| value) };
                }
                "const" | "let" | "var" => loop {
                    let pattern = next + 1;
                    next = after_pattern_type(module, pattern)?;
                    if !module.is_sign(next, b'=') {
                        return Err(not_read(module, pattern, "a variable without a value"));
                    }
                    let (value, after) = self.expression(module, next + 1)?;
                    self.bind(module, pattern, value)?;
                    next = after;
                    if !module.is_sign(next, b',') {
                        break;
                    }
                },
                _ => return Err(not_read(module, next, "a statement other than `const` and `return`")),
            }
        }
        Ok(None)
    }

    /// Binds a value to a pattern, which may have a type and a default. Returns the token after the pattern.
    fn bind_with_type(&mut self, module: &Rc<Module>, at: usize, value: Evaluated) -> Result<usize, Problem> {
        let next = after_pattern_type(module, at)?;
        let (value, after) = self.or_default(module, next, value)?;
        self.bind(module, at, value)?;
        Ok(after)
    }

    /// Returns the value, or the default after `=` if the value is `undefined`, and the token after the default.
    fn or_default(&mut self, module: &Rc<Module>, at: usize, value: Evaluated) -> Result<(Evaluated, usize), Problem> {
        if !module.is_sign(at, b'=') {
            return Ok((value, at));
        }
        if value.is_none() {
            return self.expression(module, at + 1);
        }
        let mut next = at + 1;
        while module.kind(next).is_some_and(|kind| !matches!(kind, Kind::Sign(b',') | Kind::Close(_))) {
            self.pay(module, next, 1)?;
            next = module.after(next);
        }
        Ok((value, next))
    }

    /// Binds the names of a pattern to their values.
    fn bind(&mut self, module: &Rc<Module>, at: usize, value: Evaluated) -> Result<(), Problem> {
        self.enter(module, at)?;
        match module.kind(at) {
            Some(Kind::Name) => {
                let shared = Shared::new(value);
                self.pay(module, at, 1 + shared.cost)?;
                let name = module.word(at).to_owned();
                if let Some(frame) = self.frames.last_mut() {
                    frame.names.insert(name, Rc::new(shared));
                }
            }
            Some(Kind::Open(b'{')) => {
                let Some(Value::Object(properties)) = value else {
                    return Err(not_read(module, at, "destructuring of a value that is not an object"));
                };
                self.bind_properties(module, at, properties)?;
            }
            Some(Kind::Open(b'[')) => {
                let Some(Value::Array(values)) = value else {
                    return Err(not_read(module, at, "destructuring of a value that is not an array"));
                };
                let (end, mut next, mut values) = (module.after(at) - 1, at + 1, values.into_iter());
                while next < end {
                    if module.is_sign(next, b',') {
                        values.next();
                    } else if module.kind(next) == Some(Kind::Spread) {
                        self.bind(module, next + 1, Some(Value::Array(values.by_ref().collect())))?;
                        next = module.after(next + 1);
                    } else {
                        next = self.bind_with_type(module, next, values.next())?;
                    }
                    next = module.after_comma(next, end)?;
                }
            }
            _ => return Err(not_read(module, at, &construct(module, at))),
        }
        self.depth -= 1;
        Ok(())
    }

    fn bind_properties(
        &mut self,
        module: &Rc<Module>,
        at: usize,
        mut properties: Map<String, Value>,
    ) -> Result<(), Problem> {
        let (end, mut next) = (module.after(at) - 1, at + 1);
        while next < end {
            if module.kind(next) == Some(Kind::Spread) {
                self.bind(module, next + 1, Some(Value::Object(std::mem::take(&mut properties))))?;
                next += 2;
            } else {
                if !matches!(module.kind(next), Some(Kind::Name)) {
                    return Err(not_read(module, next, &construct(module, next)));
                }
                let value = properties.shift_remove(module.word(next));
                let (pattern, after) =
                    if module.is_sign(next + 1, b':') { (next + 2, module.after(next + 2)) } else { (next, next + 1) };
                let (value, after) = self.or_default(module, after, value)?;
                self.bind(module, pattern, value)?;
                next = after;
            }
            next = module.after_comma(next, end)?;
        }
        Ok(())
    }
}
