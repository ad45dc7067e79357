//! Evaluates the cases of a file, which are the elements of the exported array. Each element is evaluated separately,
//! so an unreadable element does not affect the other elements.

use std::rc::Rc;

use serde_json::Value;

use super::constructs::construct;
use super::element::Element;
use super::evaluator::{Evaluator, Named, Place};
use super::module::Module;
use super::problem::Problem;
use super::source_file::SourceFile;
use super::tokens::Kind;

/// The maximum number of cases in a file.
const MAX_ELEMENTS: usize = 100_000;

type Cases = Vec<Result<Element, Problem>>;

impl Evaluator<'_> {
    /// Evaluates the elements of the array that the file exports as `data` or as its default export.
    ///
    /// # Errors
    /// Fails if the file does not export an array. Problems with single elements are part of the result.
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

    /// Appends the elements of the array at `place` to `cases`. Appends a problem instead of an unreadable element.
    fn append_cases(&mut self, place: &Place, cases: &mut Cases) -> Result<(), Problem> {
        let Place { module, at } = place;
        let at = *at;
        self.pay(module, at, 1)?;
        match module.kind(at) {
            Some(Kind::Open(b'[')) if self.end_of_expression(module, module.after(at)).is_ok() => {
                self.enter(module, at)?;
                let end = module.after(at) - 1;
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
                    // All further elements would fail with the same problem.
                    if self.is_spent() {
                        break;
                    }
                    while next < end && !module.is_sign(next, b',') {
                        next = module.after(next);
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
                    Named::File(_) => return Err(module.problem_at(at, "a namespace import is not an array of cases")),
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
                self.end_of_expression(module, module.after(at)).map(|_| ())
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
            // The array is the result of a call or of `.map`. All cases get the location of that expression.
            Some(Kind::Name | Kind::Open(b'[')) => {
                let (value, _) = self.expression(module, at)?;
                let Some(Value::Array(values)) = value else {
                    return Err(module.problem_at(at, "expected an array"));
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
                let found = construct(module, at);
                Err(module.problem_at(at, format!("expected an array, not {found}")))
            }
        }
    }

    fn append_element(&mut self, module: &Rc<Module>, at: usize, cases: &mut Cases) -> Result<usize, Problem> {
        self.pay(module, at, 1)?;
        if module.kind(at) == Some(Kind::Spread)
            && module.kind(at + 1) == Some(Kind::Name)
            && module.ends_expression(at + 2)
            && let Named::Value(place) = self.named(module, at + 1)?
            && matches!(place.module.kind(place.at), Some(Kind::Open(b'[') | Kind::Name))
        {
            // Each element is evaluated separately, so an unreadable element does not affect the other elements.
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

/// Returns the token of the key `data` in the object at `at`.
fn key_of_data(file: &SourceFile, at: usize) -> Option<usize> {
    let end = file.after(at) - 1;
    let mut next = at + 1;
    let mut is_key = true;
    while next < end {
        if is_key && file.is_word(next, "data") {
            return Some(next);
        }
        is_key = file.is_sign(next, b',');
        next = file.after(next);
    }
    None
}
