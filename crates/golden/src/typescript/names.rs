//! What a name stands for: a constant of the file, or of one that it imports from. A constant is read once.

use std::rc::Rc;

use serde_json::Value;

use super::evaluate::{Evaluated, Evaluator};
use super::statements::{Export, Source};
use super::{BYTES_PER_COST, MAX_FILES, Module, Problem};

/// Files and names that an export may lead through.
const MAX_HOPS: usize = 1000;

/// Where an expression begins.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) module: Rc<Module>,
    pub(super) at: usize,
}

/// What a name stands for.
pub(super) enum Named {
    Value(Place),
    /// All that a file exports.
    File(Rc<Module>),
}

/// A constant that was read already, or is being read.
pub(super) enum Known {
    Now,
    Read(Rc<Shared>),
    Failed(Problem),
}

/// A value that may stand in many places, with what each costs.
pub(super) struct Shared {
    pub(super) value: Evaluated,
    pub(super) depth: usize,
    pub(super) cost: usize,
}

/// A file that was looked for: why it is not at hand, or what is wrong with it.
pub(super) type Loaded = Result<Result<Rc<Module>, Problem>, String>;

impl Evaluator<'_> {
    /// What the name at `at` stands for.
    pub(super) fn named(&mut self, module: &Rc<Module>, at: usize) -> Result<Named, Problem> {
        let name = module.word(at);
        let missing = || module.problem_at(at, format!("`{}` is not known in this file", module.shown(at)));
        if let Some(source) = module.statements.imports.get(name) {
            let Source { specifier, name } = source.clone();
            let from = self.load(module, &specifier).map_err(|why| {
                module.problem_at(at, format!("`{}` is imported from {specifier:.80?}, {why}", module.shown(at)))
            })??;
            let Some(name) = name else { return Ok(Named::File(from)) };
            return self.exported(&from, &name)?.map(Named::Value).ok_or_else(|| {
                let shown = module.shown(at);
                module.problem_at(at, format!("`{shown}` is imported from {specifier:.80?}, which does not export it"))
            });
        }
        local_of(module, name)?.map(Named::Value).ok_or_else(missing)
    }

    /// The value of a constant, which is read once. `module` and `at` are where its name stands.
    pub(super) fn shared(&mut self, module: &Module, at: usize, place: &Place) -> Result<Rc<Shared>, Problem> {
        let key = (Rc::as_ptr(&place.module), place.at);
        match self.known.get(&key) {
            Some(Known::Read(shared)) => return Ok(shared.clone()),
            Some(Known::Failed(problem)) => return Err(problem.clone()),
            Some(Known::Now) => {
                return Err(module.problem_at(at, format!("`{}` is made of itself", module.shown(at))));
            }
            None => {}
        }
        self.known.insert(key, Known::Now);
        let depth = self.depth;
        // A constant at the top of a file sees nothing of the function that it is used in.
        let outside = std::mem::take(&mut self.frames);
        let read = self.expression(&place.module, place.at);
        self.frames = outside;
        self.depth = depth;
        match read {
            Ok((value, _)) => {
                let (cost, depth) = value.as_ref().map_or((0, 0), measure);
                let shared = Rc::new(Shared { value, depth, cost });
                self.known.insert(key, Known::Read(shared.clone()));
                Ok(shared)
            }
            Err(problem) => {
                self.known.insert(key, Known::Failed(problem.clone()));
                Err(problem)
            }
        }
    }

    /// What a file exports under a name.
    pub(super) fn exported(&mut self, module: &Rc<Module>, name: &str) -> Result<Option<Place>, Problem> {
        self.exported_but(module, name, &mut Vec::new())
    }

    /// The same, without what was looked at on the way here.
    fn exported_but(
        &mut self,
        module: &Rc<Module>,
        name: &str,
        seen: &mut Vec<(*const Module, String)>,
    ) -> Result<Option<Place>, Problem> {
        let here = (Rc::as_ptr(module), name.to_owned());
        if seen.contains(&here) || seen.len() > MAX_HOPS {
            return Ok(None);
        }
        seen.push(here);
        let source = match module.statements.exports.get(name) {
            Some(Export::Value(at)) => return Ok(Some(Place { module: module.clone(), at: *at })),
            Some(Export::Local(local)) => match module.statements.imports.get(local) {
                Some(source) => source,
                None => return local_of(module, local),
            },
            Some(Export::From(source)) => source,
            None => {
                for specifier in &module.statements.stars {
                    let Ok(from) = self.load(module, specifier) else { continue };
                    if let Some(place) = self.exported_but(&from?, name, seen)? {
                        return Ok(Some(place));
                    }
                }
                return Ok(None);
            }
        };
        let from = self.load(module, &source.specifier);
        let from =
            from.map_err(|why| module.problem(0, format!("it exports from {:.80?}, {why}", source.specifier)))??;
        match &source.name {
            Some(name) => self.exported_but(&from, name, seen),
            None => Ok(None),
        }
    }

    /// A file that `module` imports from: why it is not at hand, or what is wrong with it.
    fn load(&mut self, module: &Module, specifier: &str) -> Loaded {
        let key = (module.path.clone(), specifier.to_owned());
        if let Some(loaded) = self.loaded.get(&key) {
            return loaded.clone();
        }
        let loaded = self.load_now(module, specifier);
        self.loaded.insert(key, loaded.clone());
        loaded
    }

    fn load_now(&mut self, module: &Module, specifier: &str) -> Loaded {
        let (path, text) = self.imports.text(&module.path, specifier)?;
        if let Some(known) = self.modules.iter().find(|known| known.path == path) {
            return Ok(Ok(known.clone()));
        }
        if self.modules.len() > MAX_FILES {
            return Err(format!("which is one file more than the {MAX_FILES} that are read"));
        }
        Ok(Module::of(path, &text).inspect(|module| self.modules.push(module.clone())))
    }
}

/// The constant of a file.
fn local_of(module: &Rc<Module>, name: &str) -> Result<Option<Place>, Problem> {
    let Some(constant) = module.statements.constants.get(name) else { return Ok(None) };
    if let Some(changed) = constant.changed {
        let shown = module.shown(changed);
        return Err(module.problem_at(changed, format!("`{shown}` is used or changed here by code, which is not run")));
    }
    Ok(Some(Place { module: module.clone(), at: constant.value }))
}

/// What a value costs, and how many levels it has. Its depth is bounded already.
pub(super) fn measure(value: &Value) -> (usize, usize) {
    let mut cost = 1;
    let mut depth = 0;
    let mut add = |(inner, levels): (usize, usize), name: usize| {
        cost += inner + name;
        depth = depth.max(levels);
    };
    match value {
        Value::String(text) => add((text.len() / BYTES_PER_COST, 0), 0),
        Value::Array(values) => values.iter().for_each(|value| add(measure(value), 0)),
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| add(measure(value), name.len() / BYTES_PER_COST))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    (cost, depth + 1)
}
