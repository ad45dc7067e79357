//! Functions that do nothing but return a value: their parameters get the arguments of a call, and their result is evaluated
//! like any other expression. Nothing else that a function may do is read.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::constructs::{construct, not_read};
use super::evaluate::{Evaluated, Evaluator};
use super::names::{Named, Place, Shared, measure};
use super::tokens::Kind;
use super::types::{behind_angles, behind_return_type, behind_type};
use super::{Module, Problem};

/// The values of parameters and of constants inside a function, by name.
#[derive(Default)]
pub(super) struct Frame {
    names: HashMap<String, Rc<Shared>>,
    /// Whether the names of the frame below are seen too: a callback stands inside the function that calls it.
    is_inner: bool,
}

/// Where the parts of a function begin.
struct Function {
    /// Its parenthesis, or its only parameter without one.
    parameters: usize,
    body: usize,
    /// Whether the body is statements in braces.
    is_block: bool,
}

/// Constants that a name may lead through before the function itself.
const MAX_ALIASES: usize = 10;

/// The function at a place, if it is one that can be called here.
fn function_at(module: &Module, at: usize) -> Option<Function> {
    if module.is_word(at, "function") {
        let mut next = at + 1;
        if module.kind(next) == Some(Kind::Name) {
            next += 1;
        }
        if module.is_sign(next, b'<') {
            next = behind_angles(module, next)?;
        }
        let parameters = next;
        let body = behind_parameters(module, parameters)?;
        return (module.kind(body) == Some(Kind::Open(b'{'))).then_some(Function { parameters, body, is_block: true });
    }
    let parameters = if module.is_sign(at, b'<') { behind_angles(module, at)? } else { at };
    let arrow = match module.kind(parameters)? {
        Kind::Name if parameters == at => at + 1,
        _ => behind_parameters(module, parameters)?,
    };
    let body = arrow + 1;
    let is_block = module.kind(body) == Some(Kind::Open(b'{'));
    (module.kind(arrow) == Some(Kind::Arrow)).then_some(Function { parameters, body, is_block })
}

/// What comes behind the parameters in parentheses at a place, and the type of the result.
fn behind_parameters(module: &Module, at: usize) -> Option<usize> {
    if module.kind(at) != Some(Kind::Open(b'(')) {
        return None;
    }
    let next = module.behind(at);
    Some(if module.is_sign(next, b':') { behind_return_type(module, next + 1) } else { next })
}

/// Whether a function begins at a place.
pub(super) fn is_function(module: &Module, at: usize) -> bool {
    function_at(module, at).is_some()
}

/// The parenthesis of a call, behind the name of the function and its type arguments.
pub(super) fn call_at(module: &Module, at: usize) -> Option<usize> {
    let open = if module.is_sign(at, b'<') { behind_angles(module, at)? } else { at };
    (module.kind(open) == Some(Kind::Open(b'('))).then_some(open)
}

impl Evaluator<'_> {
    /// The value that a name has inside the function that is being evaluated.
    pub(super) fn local(&self, name: &str) -> Option<Rc<Shared>> {
        for frame in self.frames.iter().rev() {
            if let Some(shared) = frame.names.get(name) {
                return Some(shared.clone());
            }
            if !frame.is_inner {
                break;
            }
        }
        None
    }

    /// Calls the function at a place. `at` is where it is called, and `open` the parenthesis there.
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
        // Constants and arguments of the caller are not seen inside.
        let outside = std::mem::replace(&mut self.frames, vec![Frame::default()]);
        let result = self.result(&callee.module, &function, arguments);
        self.frames = outside;
        let value = result?;
        self.depth -= 1;
        Ok((value, module.behind(open)))
    }

    /// The array that `.map(function)` makes; `at` is the parenthesis.
    pub(super) fn mapped(
        &mut self,
        module: &Rc<Module>,
        at: usize,
        values: Vec<Value>,
    ) -> Result<(Value, usize), Problem> {
        let end = module.behind(at) - 1;
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

    /// The arguments in the parentheses at a place.
    pub(super) fn arguments(&mut self, module: &Rc<Module>, open: usize) -> Result<Vec<Evaluated>, Problem> {
        let end = module.behind(open) - 1;
        let mut arguments = Vec::new();
        let mut next = open + 1;
        while next < end {
            if module.kind(next) == Some(Kind::Spread) {
                let (values, behind) = self.spread_array(module, next + 1)?;
                arguments.extend(values.into_iter().map(Some));
                next = behind;
            } else {
                let (value, behind) = self.expression(module, next)?;
                arguments.push(value);
                next = behind;
            }
            next = self.behind_comma(module, next, end)?;
        }
        Ok(arguments)
    }

    /// The result of a function whose frame is the topmost one and empty.
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
            let end = module.behind(function.parameters) - 1;
            let mut next = function.parameters + 1;
            while next < end {
                next = if module.kind(next) == Some(Kind::Spread) {
                    let rest = arguments.by_ref().map(Option::unwrap_or_default).collect();
                    self.bind_with_type(module, next + 1, Some(Value::Array(rest)))?
                } else {
                    self.bind_with_type(module, next, arguments.next().flatten())?
                };
                next = self.behind_comma(module, next, end)?;
            }
        }
        if function.is_block {
            return self.block(module, function.body);
        }
        self.expression(module, function.body).map(|(value, _)| value)
    }

    /// The value that the statements in braces return.
    fn block(&mut self, module: &Rc<Module>, at: usize) -> Result<Evaluated, Problem> {
        let end = module.behind(at) - 1;
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
                    next = behind_pattern_type(module, pattern)?;
                    if !module.is_sign(next, b'=') {
                        return Err(not_read(module, pattern, "a variable without a value"));
                    }
                    let (value, behind) = self.expression(module, next + 1)?;
                    self.bind(module, pattern, value)?;
                    next = behind;
                    if !module.is_sign(next, b',') {
                        break;
                    }
                },
                _ => return Err(not_read(module, next, "a statement other than `const` and `return`")),
            }
        }
        Ok(None)
    }

    /// Binds a pattern that may have a type and a default, and returns what comes behind all of it.
    fn bind_with_type(&mut self, module: &Rc<Module>, at: usize, value: Evaluated) -> Result<usize, Problem> {
        let next = behind_pattern_type(module, at)?;
        let (value, behind) = self.or_default(module, next, value)?;
        self.bind(module, at, value)?;
        Ok(behind)
    }

    /// The value, or the default behind `=` at a place where there is none; and what comes behind that.
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
            next = module.behind(next);
        }
        Ok((value, next))
    }

    /// Gives the names of a pattern their values.
    fn bind(&mut self, module: &Rc<Module>, at: usize, value: Evaluated) -> Result<(), Problem> {
        self.enter(module, at)?;
        match module.kind(at) {
            Some(Kind::Name) => {
                let (cost, depth) = value.as_ref().map_or((0, 0), measure);
                self.pay(module, at, 1 + cost)?;
                let name = module.word(at).to_owned();
                if let Some(frame) = self.frames.last_mut() {
                    frame.names.insert(name, Rc::new(Shared { value, depth, cost }));
                }
            }
            Some(Kind::Open(b'{')) => {
                let Some(Value::Object(members)) = value else {
                    return Err(not_read(module, at, "a parameter taken apart that is not an object"));
                };
                self.bind_members(module, at, members)?;
            }
            Some(Kind::Open(b'[')) => {
                let Some(Value::Array(values)) = value else {
                    return Err(not_read(module, at, "a parameter taken apart that is not an array"));
                };
                let (end, mut next, mut values) = (module.behind(at) - 1, at + 1, values.into_iter());
                while next < end {
                    if module.is_sign(next, b',') {
                        values.next();
                    } else if module.kind(next) == Some(Kind::Spread) {
                        self.bind(module, next + 1, Some(Value::Array(values.by_ref().collect())))?;
                        next = module.behind(next + 1);
                    } else {
                        next = self.bind_with_type(module, next, values.next())?;
                    }
                    next = self.behind_comma(module, next, end)?;
                }
            }
            _ => return Err(not_read(module, at, &construct(module, at))),
        }
        self.depth -= 1;
        Ok(())
    }

    fn bind_members(&mut self, module: &Rc<Module>, at: usize, mut members: Map<String, Value>) -> Result<(), Problem> {
        let (end, mut next) = (module.behind(at) - 1, at + 1);
        while next < end {
            if module.kind(next) == Some(Kind::Spread) {
                self.bind(module, next + 1, Some(Value::Object(std::mem::take(&mut members))))?;
                next += 2;
            } else {
                if !matches!(module.kind(next), Some(Kind::Name)) {
                    return Err(not_read(module, next, &construct(module, next)));
                }
                let value = members.shift_remove(module.word(next));
                let (pattern, behind) =
                    if module.is_sign(next + 1, b':') { (next + 2, module.behind(next + 2)) } else { (next, next + 1) };
                let (value, behind) = self.or_default(module, behind, value)?;
                self.bind(module, pattern, value)?;
                next = behind;
            }
            next = self.behind_comma(module, next, end)?;
        }
        Ok(())
    }
}

/// What comes behind a pattern with its type, if it has one.
fn behind_pattern_type(module: &Module, at: usize) -> Result<usize, Problem> {
    let mut next = module.behind(at);
    if module.is_sign(next, b'?') {
        next += 1;
    }
    if !module.is_sign(next, b':') {
        return Ok(next);
    }
    let behind = behind_type(module, next + 1);
    if behind == next + 1 { Err(module.problem_at(behind, "a type is expected here")) } else { Ok(behind) }
}
