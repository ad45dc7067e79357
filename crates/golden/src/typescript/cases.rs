//! The cases of a file: the elements of the array that it exports, each read on its own, so that one that cannot be read
//! costs itself alone.

use std::rc::Rc;

use serde_json::Value;

use super::constructs::construct;
use super::evaluate::{Evaluator, is_end};
use super::names::{Named, Place};
use super::tokens::Kind;
use super::{Element, Module, Problem};

/// Cases of one file.
const MAX_ELEMENTS: usize = 100_000;

type Cases = Vec<Result<Element, Problem>>;

impl Evaluator<'_> {
    /// The elements of what the file exports.
    pub(super) fn cases(mut self) -> Result<Cases, Problem> {
        let module = self.modules[0].clone();
        let place = if module.statements.exports.contains_key("data") {
            self.exported(&module, "data")?
        } else if let Some(constant) = module.statements.constants.get("data") {
            Some(Place { module: module.clone(), at: constant.value })
        } else {
            self.exported(&module, "default")?
        };
        let Some(place) = place else {
            return Err(module.problem(0, "the file exports no `data`"));
        };
        let mut cases = Vec::new();
        self.append_cases(&place, &mut cases)?;
        Ok(cases)
    }

    /// Appends the elements of the array at a place. What is wrong with one of them is its own.
    fn append_cases(&mut self, place: &Place, cases: &mut Cases) -> Result<(), Problem> {
        let Place { module, at } = place;
        let at = *at;
        self.pay(module, at, 1)?;
        match module.kind(at) {
            Some(Kind::Open(b'[')) if self.end_of_expression(module, module.behind(at)).is_ok() => {
                self.enter(module, at)?;
                let end = module.behind(at) - 1;
                let mut next = at + 1;
                while next < end {
                    if cases.len() == MAX_ELEMENTS {
                        return Err(module.problem_at(next, format!("there are more than {MAX_ELEMENTS} cases")));
                    }
                    let begin = next;
                    next = match self.append_element(module, begin, cases) {
                        Ok(next) => next,
                        Err(problem) => {
                            cases.push(Err(problem));
                            begin
                        }
                    };
                    // The rest would be the same problem again and again.
                    if self.is_spent() {
                        break;
                    }
                    while next < end && !module.is_sign(next, b',') {
                        next = module.behind(next);
                    }
                    next += 1;
                }
                self.depth -= 1;
                Ok(())
            }
            Some(Kind::Name)
                if module.statements.knows(module.word(at)) && self.end_of_expression(module, at + 1).is_ok() =>
            {
                let place = match self.named(module, at)? {
                    Named::Value(place) => place,
                    Named::File(_) => return Err(module.problem_at(at, "a whole file is no array of cases")),
                };
                self.enter(module, at)?;
                self.append_cases(&place, cases)?;
                self.depth -= 1;
                Ok(())
            }
            Some(Kind::Open(b'(')) => {
                self.enter(module, at)?;
                self.append_cases(&Place { module: module.clone(), at: at + 1 }, cases)?;
                self.depth -= 1;
                self.end_of_expression(module, module.behind(at)).map(|_| ())
            }
            // `module.exports = { data }` and `export default { data: […] }`.
            Some(Kind::Open(b'{')) => {
                let key = key_of_data(module, at)
                    .ok_or_else(|| module.problem_at(at, "the exported object has no `data`"))?;
                let value = if module.is_sign(key + 1, b':') { key + 2 } else { key };
                self.enter(module, at)?;
                self.append_cases(&Place { module: module.clone(), at: value }, cases)?;
                self.depth -= 1;
                Ok(())
            }
            // A call or a value that is made by `.map`: all cases begin where it does.
            Some(Kind::Name | Kind::Open(b'[')) => {
                let (value, _) = self.expression(module, at)?;
                let Some(Value::Array(values)) = value else {
                    return Err(module.problem_at(at, "an array is expected here"));
                };
                let place = module.problem_at(at, "");
                if cases.len() + values.len() > MAX_ELEMENTS {
                    return Err(module.problem_at(at, format!("there are more than {MAX_ELEMENTS} cases")));
                }
                let (line, column) = (place.line, place.column);
                cases.extend(values.into_iter().map(|value| Ok(Element { value, line, column })));
                Ok(())
            }
            _ => {
                let is = construct(module, at);
                Err(module.problem_at(at, format!("an array is expected here and not {is}")))
            }
        }
    }

    fn append_element(&mut self, module: &Rc<Module>, at: usize, cases: &mut Cases) -> Result<usize, Problem> {
        self.pay(module, at, 1)?;
        if module.kind(at) == Some(Kind::Spread)
            && module.kind(at + 1) == Some(Kind::Name)
            && is_end(module, at + 2)
            && let Named::Value(place) = self.named(module, at + 1)?
            && matches!(place.module.kind(place.at), Some(Kind::Open(b'[') | Kind::Name))
        {
            // Each of them on its own, so that one that cannot be read costs itself alone.
            self.enter(module, at)?;
            let depth = self.depth;
            let appended = self.append_cases(&place, cases);
            self.depth = depth - 1;
            return appended.map(|()| at + 2);
        }
        let depth = self.depth;
        let read = if module.kind(at) == Some(Kind::Spread) {
            self.spread_array(module, at + 1)
        } else {
            self.expression(module, at).map(|(value, next)| (vec![value.unwrap_or(Value::Null)], next))
        };
        self.depth = depth;
        let (values, next) = read?;
        let place = module.problem_at(at, "");
        cases.extend(values.into_iter().map(|value| Ok(Element { value, line: place.line, column: place.column })));
        Ok(next)
    }
}

/// The token of the key `data` of the object at `at`.
fn key_of_data(module: &Module, at: usize) -> Option<usize> {
    let end = module.behind(at) - 1;
    let mut next = at + 1;
    let mut is_key = true;
    while next < end {
        if is_key && module.is_word(next, "data") {
            return Some(next);
        }
        is_key = module.is_sign(next, b',');
        next = module.behind(next);
    }
    None
}
